import { Field } from './field.tsx';

export interface Moment {
  date: string;
  time: string;
}

interface MomentFieldsProps {
  date: string;
  time: string;
  value: Moment;
  onValue: (value: Moment) => void;
  hint?: string | undefined;
  error?: string | undefined;
  focusFirst?: boolean;
}

/** A date and a time in the viewer's zone; `date` and `time` are the names of the two fields. */
export function MomentFields({ date, time, value, onValue, hint, error, focusFirst = false }: MomentFieldsProps) {
  return (
    <div class="field-pair">
      <Field
        label={date}
        type="date"
        value={value.date}
        onValue={(next) => onValue({ ...value, date: next })}
        hint={hint}
      />
      <Field
        label={time}
        type="time"
        step="1"
        value={value.time}
        onValue={(next) => onValue({ ...value, time: next })}
        error={error}
        focusFirst={focusFirst}
      />
    </div>
  );
}
