import { useState } from 'preact/hooks';
import { zoneName } from '../format.ts';
import { localFields, momentOf } from '../local-time.ts';
import { FormDialog } from '../parts/dialog.tsx';
import { MomentFields } from '../parts/moment-fields.tsx';
import { words } from '../words/index.ts';

interface GoToProps {
  atMs: number;
  onGo: (atMs: number) => void;
  onClose: () => void;
}

/** Asks for a date and a time in the viewer's zone. */
export function GoToDialog({ atMs, onGo, onClose }: GoToProps) {
  const w = words.value;
  const [moment, setMoment] = useState(localFields(atMs));
  const [error, setError] = useState<string | undefined>(undefined);
  const submit = async () => {
    const chosenMs = momentOf(moment, atMs);
    if (chosenMs === null) {
      setError(w.timeMissing);
      return null;
    }
    onGo(chosenMs);
    return { kind: 'ok' as const, value: undefined, headers: new Headers() };
  };
  return (
    <FormDialog title={w.goToTitle} submitLabel={w.goTo} submit={submit} shownByField={() => true} onClose={onClose}>
      <MomentFields
        date={w.date}
        time={w.time}
        value={moment}
        onValue={setMoment}
        hint={w.yourZone(zoneName())}
        error={error}
        focusFirst
      />
    </FormDialog>
  );
}
