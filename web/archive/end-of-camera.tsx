import { useState } from 'preact/hooks';
import type { TenantAnswer } from '../../api/schemas/account.ts';
import type { CameraAnswer } from '../../api/schemas/camera.ts';
import { call } from '../api.ts';
import { directCamera } from '../cameras/camera-actions.ts';
import { serverNow } from '../clock.ts';
import { putCamera, type Camera } from '../fleet.ts';
import { dateTime, longDate } from '../format.ts';
import { useList } from '../loaded.ts';
import { FormDialog } from '../parts/dialog.tsx';
import { Field } from '../parts/field.tsx';
import { toast } from '../parts/toast.tsx';
import { words } from '../words/index.ts';

const dayMs = 86_400_000;

interface OfCamera {
  camera: Camera;
  onClose: () => void;
}

/** Retires a camera: it says until when the archive stays, by the days its tenant has. */
export function RetireDialog({ camera, onClose }: OfCamera) {
  const w = words.value;
  const tenants = useList<TenantAnswer>('/v1/tenants');
  const tenant = tenants.value?.find(({ id }) => id === camera.tenantId);
  return (
    <FormDialog
      title={w.retireTitle(camera.name)}
      submitLabel={w.retireConfirm}
      danger
      onClose={onClose}
      submit={async () => {
        const answer = await directCamera(camera.id, 'retire');
        if (answer.kind === 'ok') toast(w.retiredDone(answer.value.name));
        return answer;
      }}
      shownByField={() => false}
    >
      <p>{tenant === undefined ? w.retireTextPlain : w.retireText(tenant.graceDays)}</p>
      {tenant?.graceArchive === 'rolling' && <p>{w.retireRolling}</p>}
      {tenant !== undefined && tenant.next !== null && (
        <p>{w.retireRollsFrom(dateTime(Date.parse(tenant.next.effectiveAt)))}</p>
      )}
      {tenant !== undefined && (
        <p>
          <strong>{w.retireDate(longDate(serverNow() + tenant.graceDays * dayMs))}</strong>
        </p>
      )}
    </FormDialog>
  );
}

/** Deletes a retired camera's footage now. Its name has to be typed: there is no way back. */
export function PurgeDialog({ camera, onClose }: OfCamera) {
  const w = words.value;
  const [name, setName] = useState('');
  const [error, setError] = useState<string | undefined>(undefined);
  return (
    <FormDialog
      title={w.purgeTitle(camera.name)}
      submitLabel={w.purgeConfirm}
      danger
      onClose={onClose}
      submit={async () => {
        setError(name === camera.name ? undefined : w.wrongName);
        if (name !== camera.name) return null;
        const answer = await call<CameraAnswer>('POST', `/v1/cameras/${camera.id}/purge`, { body: { name } });
        if (answer.kind === 'ok') {
          putCamera(answer.value);
          toast(w.purgeDone(camera.name));
        }
        return answer;
      }}
      shownByField={() => false}
    >
      <p>{w.purgeText}</p>
      <Field label={w.typeName(camera.name)} value={name} onValue={setName} error={error} verbatim focusFirst />
    </FormDialog>
  );
}
