import { useState } from 'preact/hooks';
import type { Answer, Problem } from './api.ts';
import { FormDialog } from './parts/dialog.tsx';
import { Field } from './parts/field.tsx';
import { LanguageChoice } from './parts/language-choice.tsx';
import { Menu, MenuItem } from './parts/menu.tsx';
import { toast } from './parts/toast.tsx';
import { changeOwnPassword, me, signOut } from './session.ts';
import { words } from './words/index.ts';

/** Own password, language and the way out. */
export function AccountMenu() {
  const w = words.value;
  const [changing, setChanging] = useState(false);
  return (
    <>
      <Menu icon="account" label={w.account} text={w.account} className="nav-item">
        <p class="menu-head">{me.value?.name}</p>
        <LanguageChoice />
        <MenuItem onChoose={() => setChanging(true)}>{w.changePassword}</MenuItem>
        <MenuItem onChoose={() => void signOut()}>{w.signOut}</MenuItem>
      </Menu>
      {changing && <PasswordDialog onClose={() => setChanging(false)} />}
    </>
  );
}

/** The service asks for at least this many characters. */
const shortestPassword = 12;

interface Errors {
  current?: string;
  next?: string;
}

function errorsOf(problem: Problem): Errors {
  if (problem.code === 'wrong-login') return { current: words.peek().wrongCurrentPassword };
  const next = problem.fields['newPassword'];
  return next === undefined ? {} : { next };
}

function PasswordDialog({ onClose }: { onClose: () => void }) {
  const w = words.value;
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState('');
  const [errors, setErrors] = useState<Errors>({});
  const submit = async (): Promise<Answer<unknown> | null> => {
    const found: Errors = {
      ...(current === '' && { current: w.required }),
      ...(next.length < shortestPassword && { next: w.passwordTooShort }),
    };
    setErrors(found);
    if (Object.keys(found).length > 0) return null;
    const answer = await changeOwnPassword(current, next);
    if (answer.kind === 'ok') toast(w.passwordChanged);
    if (answer.kind === 'problem') setErrors(errorsOf(answer.problem));
    return answer;
  };
  return (
    <FormDialog
      title={w.changePassword}
      submitLabel={w.save}
      onClose={onClose}
      submit={submit}
      shownByField={(problem) => Object.keys(errorsOf(problem)).length > 0}
    >
      <Field
        label={w.currentPassword}
        type="password"
        value={current}
        onValue={setCurrent}
        error={errors.current}
        autocomplete="current-password"
        focusFirst
      />
      <Field
        label={w.newPassword}
        type="password"
        value={next}
        onValue={setNext}
        hint={w.newPasswordHint}
        error={errors.next}
        autocomplete="new-password"
      />
    </FormDialog>
  );
}
