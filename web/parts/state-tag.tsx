import type { ShownState } from '../fleet.ts';
import { words } from '../words/index.ts';

/** Drawn in 12 x 12, so that no two states are told apart by colour alone. */
const shapes: Record<ShownState, string> = {
  recording: 'M6 1.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9z',
  provisioning: 'M6 1.5v2M6 8.5v2M1.5 6h2M8.5 6h2',
  connecting: 'M1 6h.01M6 6h.01M11 6h.01',
  reconnecting: 'M6 1.2L11.2 10.5H.8z',
  'no-slot': 'M1.5 1.5h9v9h-9zM1.5 10.5l9-9',
  attention: 'M3.7.8h4.6l2.9 2.9v4.6l-2.9 2.9H3.7L.8 8.3V3.7z',
  paused: 'M3.5 1.5v9M8.5 1.5v9',
  grace: 'M1.5 1.5h9v3h-9zM2.5 4.5v6h7v-6',
  purging: 'M2 2l8 8M10 2l-8 8',
  purged: 'M2 2l8 8M10 2l-8 8',
  unknown: 'M3.5 4a2.5 2.5 0 1 1 3.6 2.2C6.2 6.7 6 7 6 8M6 10.6h.01',
};
const filled: ReadonlySet<ShownState> = new Set(['recording', 'reconnecting', 'attention']);

/** A state as shape, word and colour. */
export function StateTag({ state }: { state: ShownState }) {
  return (
    <span class="state-tag" data-state={state}>
      <svg viewBox="0 0 12 12" aria-hidden="true" data-filled={filled.has(state)}>
        <path d={shapes[state]} />
      </svg>
      {words.value.states[state]}
    </span>
  );
}
