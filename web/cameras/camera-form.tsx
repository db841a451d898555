import type { Problem } from '../api.ts';
import { addressFault, splitLogin, type CameraAddress } from '../camera-url.ts';
import type { Camera } from '../fleet.ts';
import { Choice, Field } from '../parts/field.tsx';
import { problemText } from '../parts/problem-note.tsx';
import { words } from '../words/index.ts';

type FieldName = 'name' | 'address' | 'user' | 'password';
export type Errors = Partial<Record<FieldName, string>>;

/** Which field a problem of the server belongs to; null when to none. */
export function fieldOfProblem(problem: Problem): FieldName | null {
  if (problem.code === 'name-taken' || 'name' in problem.fields) return 'name';
  return problem.code === 'invalid-camera-url' || 'url' in problem.fields ? 'address' : null;
}

/** The errors to show next to the fields for a problem of the server. */
export function errorsOfProblem(problem: Problem): Errors {
  const field = fieldOfProblem(problem);
  if (field === null) return {};
  const own = problem.fields[field === 'address' ? 'url' : field];
  return { [field]: own ?? problemText(problem) };
}

/** What is wrong with an address and its login before the server is asked. */
export function addressErrors(given: CameraAddress): Errors {
  const w = words.value;
  const { address, user, password } = splitLogin(given);
  const fault = addressFault(address);
  const errors: Errors = {};
  if (address.trim() === '') errors.address = w.required;
  else if (fault !== null) errors.address = fault === 'scheme' ? w.addressScheme : w.addressHost;
  if (password !== '' && user === '') errors.user = w.passwordWithoutUser;
  return errors;
}

interface AddressFieldsProps {
  value: CameraAddress;
  onValue: (value: CameraAddress) => void;
  errors: Errors;
  loginHint: string;
  focusFirst?: boolean;
}

/** Address, user and password of a camera; a login pasted with the address moves to its fields. */
export function AddressFields({ value, onValue, errors, loginHint, focusFirst = false }: AddressFieldsProps) {
  const w = words.value;
  return (
    <>
      <Field
        label={w.address}
        value={value.address}
        onValue={(address) => onValue({ ...value, address })}
        onBlur={() => onValue(splitLogin(value))}
        hint={w.addressHint}
        error={errors.address}
        inputMode="url"
        placeholder="rtsp://192.168.1.20:554/stream1"
        verbatim
        focusFirst={focusFirst}
      />
      <div class="field-pair">
        <Field
          label={w.cameraUser}
          value={value.user}
          onValue={(user) => onValue({ ...value, user })}
          hint={loginHint}
          error={errors.user}
          verbatim
        />
        <Field
          label={w.cameraPassword}
          type="password"
          value={value.password}
          onValue={(password) => onValue({ ...value, password })}
          error={errors.password}
          autocomplete="new-password"
        />
      </div>
    </>
  );
}

export function TierChoice({ value, onValue }: { value: Camera['tier']; onValue: (tier: Camera['tier']) => void }) {
  const w = words.value;
  return (
    <Choice
      label={w.tier}
      value={value}
      onValue={onValue}
      hint={w.tierHint}
      options={[
        { value: 'normal', label: w.tierNormal },
        { value: 'critical', label: w.tierCritical },
      ]}
    />
  );
}
