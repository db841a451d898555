import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { words } from '../words/index.ts';

interface FieldProps {
  label: string;
  value: string;
  onValue: (value: string) => void;
  hint?: string | undefined;
  error?: string | undefined;
  type?: 'text' | 'password' | 'date' | 'time';
  name?: string;
  placeholder?: string;
  inputMode?: 'url';
  autocomplete?: 'off' | 'username' | 'current-password' | 'new-password';
  /** Not a word of a language: no capitals, no spelling. */
  verbatim?: boolean;
  maxLength?: number;
  step?: string;
  focusFirst?: boolean;
  /** Chooses what is there when it gets the focus, to be typed over. */
  selectOnFocus?: boolean;
  onBlur?: () => void;
}

/** A labelled text field with its hint and its error beneath it. */
export function Field(props: FieldProps) {
  const { label, value, onValue, hint, error, type = 'text', verbatim = false, selectOnFocus = false } = props;
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const [shown, setShown] = useState(false);
  const secret = type === 'password';
  // Apart, since Preact types each kind of input by itself.
  const kind: { type?: 'text' } = { type: secret && shown ? 'text' : type } as { type?: 'text' };
  useEffect(() => {
    if (props.focusFirst === true) input.current?.focus();
  }, []);
  return (
    <FieldFrame id={id} label={label} hint={hint} error={error}>
      <span class="input-row">
        <input
          ref={input}
          id={id}
          {...kind}
          name={props.name}
          value={value}
          placeholder={props.placeholder}
          inputMode={props.inputMode}
          autocomplete={props.autocomplete ?? 'off'}
          autocapitalize={verbatim ? 'none' : undefined}
          spellcheck={verbatim ? false : undefined}
          maxLength={props.maxLength}
          step={props.step}
          onInput={(event) => onValue(event.currentTarget.value)}
          onFocus={(event) => selectOnFocus && event.currentTarget.select()}
          onBlur={props.onBlur}
          aria-invalid={error !== undefined}
          aria-describedby={`${id}-note`}
        />
        {secret && (
          <button type="button" class="reveal" aria-pressed={shown} onClick={() => setShown(!shown)}>
            {shown ? words.value.hidePassword : words.value.showPassword}
          </button>
        )}
      </span>
    </FieldFrame>
  );
}

interface FrameProps {
  id: string;
  label: string;
  hint?: string | undefined;
  error?: string | undefined;
  children: ComponentChildren;
}

function FieldFrame({ id, label, hint, error, children }: FrameProps) {
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children}
      <p id={`${id}-note`} class={error === undefined ? 'note' : 'note error'}>
        {error ?? hint}
      </p>
    </div>
  );
}

interface ChoiceProps<T extends string> {
  label: string;
  value: T;
  options: readonly { value: T; label: string }[];
  onValue: (value: T) => void;
  hint?: string;
}

/** One of a few: all of them are seen at once. */
export function Choice<T extends string>({ label, value, options, onValue, hint }: ChoiceProps<T>) {
  const name = useId();
  return (
    <fieldset class="field choice">
      <legend>{label}</legend>
      <div class="segments">
        {options.map((option) => (
          <label key={option.value}>
            <input type="radio" name={name} checked={option.value === value} onChange={() => onValue(option.value)} />
            <span>{option.label}</span>
          </label>
        ))}
      </div>
      <p class="note">{hint}</p>
    </fieldset>
  );
}
