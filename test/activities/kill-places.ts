/**
 * The failpoints at which processes are really killed (SIGKILL), by what such a process does. The tests that kill take
 * their cases from here, and `failpoints.test.ts` holds the code to it.
 */
export const killPlaces = {
  sweep: ['sweep-marked', 'marked', 'removed', 'looked', 'forgotten', 'swept'],
  month: ['signed', 'certified'],
  purge: 'begun purge-marked marked removed looked forgotten deleted trace-removed cleared signed certified'.split(' '),
  tenant: ['signed', 'certified'],
  collect: ['checked', 'removed', 'forgotten'],
  finish: ['fetched', 'made', 'reserved', 'stored', 'swapped', 'all-swapped'],
  reconcile: 'stat lost settled fetched cataloguing catalogued part-stored part-catalogued enqueued'.split(' '),
};
