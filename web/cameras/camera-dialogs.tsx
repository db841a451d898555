import { useState } from 'preact/hooks';
import type { Answer } from '../api.ts';
import { joinLogin, type CameraAddress } from '../camera-url.ts';
import type { Camera } from '../fleet.ts';
import { FormDialog } from '../parts/dialog.tsx';
import { Field } from '../parts/field.tsx';
import { toast } from '../parts/toast.tsx';
import { words } from '../words/index.ts';
import { addCamera, changeCamera } from './camera-actions.ts';
import {
  addressErrors,
  AddressFields,
  errorsOfProblem,
  fieldOfProblem,
  TierChoice,
  type Errors,
} from './camera-form.tsx';

interface Closing {
  onClose: () => void;
}
interface OfCamera extends Closing {
  camera: Camera;
}

const noAddress: CameraAddress = { address: '', user: '', password: '' };

/** Shows the errors found here, or those of the answer; says what was done when it was. */
async function sent(
  errors: Errors,
  setErrors: (errors: Errors) => void,
  send: () => Promise<Answer<Camera>>,
  done: (camera: Camera) => string,
): Promise<Answer<Camera> | null> {
  setErrors(errors);
  if (Object.keys(errors).length > 0) return null;
  const answer = await send();
  if (answer.kind === 'problem') setErrors(errorsOfProblem(answer.problem));
  if (answer.kind === 'ok') toast(done(answer.value));
  return answer;
}

export function AddCameraDialog({ onClose }: Closing) {
  const w = words.value;
  const [name, setName] = useState('');
  const [address, setAddress] = useState(noAddress);
  const [tier, setTier] = useState<Camera['tier']>('normal');
  const [errors, setErrors] = useState<Errors>({});
  const submit = () => {
    const found = { ...(name.trim() === '' && { name: w.required }), ...addressErrors(address) };
    const camera = { name: name.trim(), url: joinLogin(address), tier };
    return sent(
      found,
      setErrors,
      () => addCamera(camera),
      ({ name: added }) => w.added(added),
    );
  };
  return (
    <FormDialog
      title={w.addCamera}
      submitLabel={w.add}
      onClose={onClose}
      submit={submit}
      shownByField={(problem) => fieldOfProblem(problem) !== null}
    >
      <Field
        label={w.name}
        value={name}
        onValue={setName}
        placeholder={w.namePlaceholder}
        error={errors.name}
        maxLength={200}
        focusFirst
      />
      <AddressFields value={address} onValue={setAddress} errors={errors} loginHint={w.loginHint} />
      <TierChoice value={tier} onValue={setTier} />
    </FormDialog>
  );
}

export function RenameDialog({ camera, onClose }: OfCamera) {
  const w = words.value;
  const [name, setName] = useState(camera.name);
  const [tier, setTier] = useState(camera.tier);
  const [errors, setErrors] = useState<Errors>({});
  const submit = () =>
    sent(
      name.trim() === '' ? { name: w.required } : {},
      setErrors,
      () => changeCamera(camera.id, { name: name.trim(), tier }),
      (changed) => w.renamed(changed.name),
    );
  return (
    <FormDialog
      title={w.rename}
      submitLabel={w.save}
      onClose={onClose}
      submit={submit}
      shownByField={(problem) => fieldOfProblem(problem) === 'name'}
    >
      <Field
        label={w.name}
        value={name}
        onValue={setName}
        error={errors.name}
        maxLength={200}
        focusFirst
        selectOnFocus
      />
      <TierChoice value={tier} onValue={setTier} />
    </FormDialog>
  );
}

export function AddressDialog({ camera, onClose }: OfCamera) {
  const w = words.value;
  const [address, setAddress] = useState<CameraAddress>({ ...noAddress, address: camera.urlRedacted });
  const [errors, setErrors] = useState<Errors>({});
  const submit = () =>
    sent(
      addressErrors(address),
      setErrors,
      () => changeCamera(camera.id, { url: joinLogin(address) }),
      ({ name }) => w.addressDone(name),
    );
  return (
    <FormDialog
      title={`${w.changeAddress}: ${camera.name}`}
      submitLabel={w.save}
      onClose={onClose}
      submit={submit}
      shownByField={(problem) => fieldOfProblem(problem) === 'address'}
    >
      <AddressFields value={address} onValue={setAddress} errors={errors} loginHint={w.loginAgainHint} focusFirst />
    </FormDialog>
  );
}
