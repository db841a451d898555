/**
 * A place between two steps of a commit or a salvage at which a test may throw or kill the process, to prove that
 * what follows repairs it. In operation it does nothing.
 */
export type Failpoint = (name: string) => void | Promise<void>;

export const noFailpoint: Failpoint = () => undefined;
