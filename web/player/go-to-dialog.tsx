import { useState } from 'preact/hooks';
import { zoneName } from '../format.ts';
import { FormDialog } from '../parts/dialog.tsx';
import { Field } from '../parts/field.tsx';
import { words } from '../words/index.ts';

interface GoToProps {
  atMs: number;
  onGo: (atMs: number) => void;
  onClose: () => void;
}

const two = (n: number) => String(n).padStart(2, '0');

/** Asks for a date and a time in the viewer's zone. */
export function GoToDialog({ atMs, onGo, onClose }: GoToProps) {
  const w = words.value;
  const now = new Date(atMs);
  const [date, setDate] = useState(`${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`);
  const [time, setTime] = useState(`${two(now.getHours())}:${two(now.getMinutes())}:${two(now.getSeconds())}`);
  const [error, setError] = useState<string | undefined>(undefined);
  const submit = async () => {
    const chosenMs = new Date(`${date}T${time}`).getTime();
    if (date === '' || time === '' || Number.isNaN(chosenMs)) {
      setError(w.timeMissing);
      return null;
    }
    onGo(chosenMs);
    return { kind: 'ok' as const, value: undefined, headers: new Headers() };
  };
  return (
    <FormDialog title={w.goToTitle} submitLabel={w.goTo} submit={submit} shownByField={() => true} onClose={onClose}>
      <div class="field-pair">
        <Field label={w.date} type="date" value={date} onValue={setDate} hint={w.yourZone(zoneName())} />
        <Field label={w.time} type="time" step="1" value={time} onValue={setTime} error={error} focusFirst />
      </div>
    </FormDialog>
  );
}
