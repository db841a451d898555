import type { ComponentChildren } from 'preact';
import type { Loaded } from '../loaded.ts';
import { words } from '../words/index.ts';
import { Button } from './button.tsx';
import { ProblemNote } from './problem-note.tsx';

interface LoadStateProps<T> {
  of: Loaded<T>;
  children: (value: T) => ComponentChildren;
}

/** What was loaded; a skeleton before it, and what went wrong with a way to try again. */
export function LoadState<T>({ of, children }: LoadStateProps<T>) {
  const { value, problem, reload } = of;
  return (
    <>
      {problem !== null && (
        <div class="load-problem">
          <ProblemNote problem={problem} />
          <Button onClick={reload}>{words.value.retry}</Button>
        </div>
      )}
      {value === null && problem === null && (
        <div class="list-skeleton" role="status" aria-label={words.value.loading}>
          <span class="skeleton row" />
          <span class="skeleton row" />
          <span class="skeleton row" />
        </div>
      )}
      {value !== null && children(value)}
    </>
  );
}
