/**
 * A place between two steps of a commit, a salvage or an activity at which a test may throw or kill the process, to
 * prove that what follows repairs it. In operation it does nothing.
 */
export type Failpoint = (name: string) => void | Promise<void>;

export const noFailpoint: Failpoint = () => undefined;

/** Those of recorders, then those of activities that are not called so there too. */
export const failpointNames: readonly string[] = [
  ...'salvage placed closed run-closed hashed stored inserted lingering seam kept cut moved'.split(' '),
  ...'aside-folder aside-moved aside-told aside-lasting back-moved back-told'.split(' '),
  ...'held-noted held-given-back held-seen held-removed final-lost'.split(' '),
  ...'fetched made reserved swapped all-swapped stat lost settled enqueued checked removed forgotten'.split(' '),
  ...'catalogued cataloguing part-stored part-catalogued'.split(' '),
  ...'sweep-marked purge-marked marked looked cleared trace-removed signed certified'.split(' '),
];

/**
 * What the setting FRAMEKEEP_FAILPOINT asks for, `<name>:<n>`: the process ends itself by SIGKILL when it comes to that
 * failpoint for the nth time. Where it is not set nothing happens.
 * @throws Error naming all failpoints where there is none of that name
 */
export function failpointOf(setting: string | undefined): Failpoint {
  if (setting === undefined) return noFailpoint;
  const [wanted = '', count = ''] = setting.split(':');
  if (!failpointNames.includes(wanted)) {
    throw new Error(`FRAMEKEEP_FAILPOINT: there is no "${wanted}"; there are ${failpointNames.join(', ')}`);
  }
  let seen = 0;
  return (name) => {
    if (name !== wanted) return;
    seen += 1;
    if (seen === Number(count)) process.kill(process.pid, 'SIGKILL');
  };
}
