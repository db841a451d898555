import { duration } from '../format.ts';
import type { GapPiece } from '../gap-pieces.ts';
import { gapTimes } from '../parts/gap-card.tsx';
import { words } from '../words/index.ts';

interface GapListProps {
  pieces: GapPiece[];
  onSeek: (atMs: number) => void;
}

/** Shown before a gap, so that one sees how it began. */
const leadMs = 5_000;

/** The gaps of the loaded range in words; choosing one plays the last seconds before it. */
export function GapList({ pieces, onSeek }: GapListProps) {
  const w = words.value;
  return (
    <section class="panel gap-list" aria-label={w.gapsHere}>
      <h2>{w.gapsHere}</h2>
      {pieces.length === 0 && <p class="muted">{w.noGapsHere}</p>}
      <ul>
        {pieces.map((piece) => (
          <li key={piece.startMs}>
            <button type="button" onClick={() => onSeek(piece.startMs - leadMs)}>
              <i class="swatch" data-owner={piece.main.owner} />
              <span class="gap-what">{w.reasons[piece.main.reason]}</span>
              <span class="gap-when">
                <b>{duration(piece.lostMs)}</b> · {gapTimes(piece)} · {w.owners[piece.main.owner]}
                {piece.count > 1 && ` · ${w.gapsJoined(piece.count, duration(piece.lostMs))}`}
              </span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
