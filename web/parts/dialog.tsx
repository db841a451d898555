import type { ComponentChildren } from 'preact';
import { useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Answer, Problem } from '../api.ts';
import { words } from '../words/index.ts';
import { Button } from './button.tsx';
import { ProblemNote } from './problem-note.tsx';

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
}

/** A native modal dialog: it traps focus and gives it back by itself. On a phone it is a sheet. */
export function Dialog({ title, onClose, children }: DialogProps) {
  const id = useId();
  const element = useRef<HTMLDialogElement>(null);
  // Before the effects of what is inside, which put the focus where typing begins.
  useLayoutEffect(() => {
    const dialog = element.current;
    const before = document.activeElement;
    if (dialog?.open === false) dialog.showModal();
    return () => {
      dialog?.close();
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={element}
      class="dialog"
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onMouseDown={(event) => {
        if (event.target === element.current) onClose();
      }}
    >
      <div class="dialog-body">
        <header class="dialog-head">
          <h2 id={id}>{title}</h2>
          <Button kind="quiet" icon="close" label={words.value.close} onClick={onClose} />
        </header>
        {children}
      </div>
    </dialog>
  );
}

interface FormDialogProps extends DialogProps {
  submitLabel: string;
  danger?: boolean;
  /** Checks and sends. `null` when the form itself shows what is wrong. */
  submit: () => Promise<Answer<unknown> | null>;
  /** Problem codes and fields the form shows next to a field, so that they are not said twice. */
  shownByField: (problem: Problem) => boolean;
}

/** A dialog with a form: it stays open, with what was typed, until the server has agreed. */
export function FormDialog({
  submit,
  submitLabel,
  danger = false,
  shownByField,
  children,
  ...dialog
}: FormDialogProps) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const form = useRef<HTMLFormElement>(null);
  const send = async () => {
    if (busy) return;
    setBusy(true);
    setProblem(null);
    const answer = await submit();
    setBusy(false);
    if (answer?.kind === 'ok') return dialog.onClose();
    if (answer?.kind === 'problem' && !shownByField(answer.problem)) setProblem(answer.problem);
    requestAnimationFrame(() => form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus());
  };
  return (
    <Dialog {...dialog}>
      <form
        ref={form}
        novalidate
        onSubmit={(event) => {
          event.preventDefault();
          void send();
        }}
      >
        {children}
        {problem !== null && <ProblemNote problem={problem} />}
        <footer class="dialog-foot">
          <Button kind="quiet" onClick={dialog.onClose}>
            {words.value.cancel}
          </Button>
          <Button type="submit" kind={danger ? 'danger' : 'primary'} busy={busy}>
            {submitLabel}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
