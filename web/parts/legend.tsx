import { gapOwners } from '../../domain/gap-reason.ts';
import { words } from '../words/index.ts';

/** What the colours of a bar of time mean. */
export function Legend() {
  const w = words.value;
  return (
    <ul class="legend" aria-label={w.legend}>
      <li>
        <i class="swatch footage" />
        {w.footage}
      </li>
      <li class="legend-lead">{w.noFootageBecause}</li>
      {gapOwners.map((owner) => (
        <li key={owner}>
          <i class="swatch" data-owner={owner} />
          {w.owners[owner]}
        </li>
      ))}
    </ul>
  );
}
