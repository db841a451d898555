import { useRef, useState } from 'preact/hooks';
import type { Problem } from '../api.ts';
import { Button } from '../parts/button.tsx';
import { Field } from '../parts/field.tsx';
import { ProblemNote } from '../parts/problem-note.tsx';
import { LanguageChoice } from '../parts/language-choice.tsx';
import { Mark } from '../parts/mark.tsx';
import { signIn } from '../session.ts';
import { words } from '../words/index.ts';

export function LoginPage() {
  const w = words.value;
  const [login, setLogin] = useState('');
  const [password, setPassword] = useState('');
  const [problem, setProblem] = useState<Problem | null>(null);
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const missing = (text: string) => (tried && text === '' ? w.required : undefined);

  const submit = async () => {
    setTried(true);
    setProblem(null);
    if (busy || login === '' || password === '') return;
    setBusy(true);
    const answer = await signIn(login.trim(), password);
    setBusy(false);
    if (answer.kind !== 'problem') return;
    setProblem(answer.problem);
    form.current?.querySelector<HTMLInputElement>('input[autocomplete="current-password"]')?.select();
  };
  return (
    <main class="login">
      <div class="login-card">
        <div class="brand">
          <Mark />
          <span>framekeep</span>
        </div>
        <p class="login-lead">{w.signInLead}</p>
        <form
          ref={form}
          novalidate
          onSubmit={(event) => {
            event.preventDefault();
            void submit();
          }}
        >
          <h1 class="visually-hidden">{w.signIn}</h1>
          <Field
            label={w.userName}
            value={login}
            onValue={setLogin}
            error={missing(login)}
            name="username"
            autocomplete="username"
            verbatim
            focusFirst
          />
          <Field
            label={w.password}
            type="password"
            value={password}
            onValue={setPassword}
            error={missing(password)}
            name="password"
            autocomplete="current-password"
          />
          {problem !== null && <ProblemNote problem={problem} />}
          <Button type="submit" kind="primary" busy={busy}>
            {w.signIn}
          </Button>
        </form>
      </div>
      <LanguageChoice />
    </main>
  );
}
