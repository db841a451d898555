import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import type { CameraState } from '../domain/camera.ts';
import type { WantedCamera } from '../activities/camera-intent.ts';
import type { CameraWorkflowInput, CameraWorkflowState, CarriedState } from './messages.ts';

/** What the workflow shows of itself: the query `state`, the details in Temporal's UI and the search attributes. */
export interface CameraView {
  current(): CameraWorkflowState;
  carried(): CarriedState;
  intend(wanted: WantedCamera): void;
  show(shown: CarriedState): void;
  recordedOn(hostId: string | null): void;
}

const stateOfIntent: Record<'paused' | 'retired', CameraState> = { paused: 'paused', retired: 'grace' };

/** Search attributes are written only when they change: each write is a history event. */
export function createCameraView(input: CameraWorkflowInput): CameraView {
  const start: CarriedState = input.carried ?? { state: 'provisioning', reason: null, hostId: null };
  let current: CameraWorkflowState = { ...start, intent: 'record', configVersion: 0, graceEndsAtMs: null };
  let attributes = '';
  render();

  function render(): void {
    const host = current.hostId ?? 'none';
    setCurrentDetails(
      [
        `**${current.state}**${current.reason === null ? '' : `: ${current.reason}`}`,
        `wanted: ${current.intent}, configuration ${current.configVersion}`,
        `host: ${host}`,
        ...(current.graceEndsAtMs === null ? [] : [`grace ends: ${new Date(current.graceEndsAtMs).toISOString()}`]),
      ].join('\n\n'),
    );
    const next = {
      CameraState: [current.state],
      TenantId: [input.tenantId],
      Tier: [input.tier],
      Host: [host],
    };
    if (JSON.stringify(next) === attributes) return;
    attributes = JSON.stringify(next);
    upsertSearchAttributes(next);
  }

  return {
    current: () => current,
    carried: () => ({ state: current.state, reason: current.reason, hostId: current.hostId }),
    intend(wanted) {
      const before = current.state;
      current = { ...current, ...wanted };
      if (wanted.intent !== 'record') {
        // A purge that has begun goes on, whatever else is decided of its camera.
        if (before !== 'purging') current = { ...current, state: stateOfIntent[wanted.intent], reason: null };
      } else if (before === 'provisioning' || before === 'paused' || before === 'grace') {
        current = { ...current, state: 'connecting', reason: null };
      }
      render();
    },
    show(shown) {
      current = { ...current, ...shown, hostId: shown.hostId ?? current.hostId };
      render();
    },
    recordedOn(hostId) {
      current = { ...current, hostId };
      render();
    },
  };
}
