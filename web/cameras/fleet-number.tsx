import { dataAgeMs, fleet, isStale } from '../fleet.ts';
import { age } from '../format.ts';
import { locale, words } from '../words/index.ts';

/** The one number: how many of the cameras that are meant to record do, and how old that knowledge is. */
export function FleetNumber() {
  const w = words.value;
  const { cameras } = fleet.value;
  const wanted = cameras.filter(({ intent }) => intent === 'record');
  const recorded = wanted.filter(({ state }) => state === 'recording').length;
  const paused = cameras.filter(({ intent }) => intent === 'paused').length;
  const missing = wanted.length - recorded;
  const count = (n: number) => n.toLocaleString(locale.value);
  const sentence = () => {
    if (isStale.value) return w.staleCount;
    if (wanted.length === 0) return w.noneWanted;
    return missing === 0 ? w.allRecorded(wanted.length) : w.notRecorded(missing);
  };
  return (
    <div class="fleet-number" data-wrong={!isStale.value && missing > 0}>
      <p class="number">
        <strong>{isStale.value ? '?' : w.recordedCount(count(recorded), count(wanted.length))}</strong>{' '}
        <span>{isStale.value ? w.unknown : w.recorded}</span>
        <small>{w.asOf(age(dataAgeMs.value ?? 0))}</small>
      </p>
      <p class="sentence">
        {sentence()}
        {paused > 0 && <span class="muted"> {w.pausedCount(paused)}</span>}
      </p>
    </div>
  );
}
