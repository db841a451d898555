import type { Problem } from '../api.ts';
import { words } from '../words/index.ts';

/** What went wrong in words a person can act on: ours for a known code, else the server's own sentence. */
export function problemText(problem: Problem): string {
  return words.value.problems[problem.code] ?? (problem.detail || words.value.problems['internal'] || problem.code);
}

/** A problem with its code, so that support can be asked about it. */
export function ProblemNote({ problem }: { problem: Problem }) {
  return (
    <p class="problem" role="alert">
      {problemText(problem)} <small>{words.value.code(problem.code)}</small>
    </p>
  );
}
