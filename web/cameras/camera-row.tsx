import { useEffect, useRef, useState } from 'preact/hooks';
import { slowServerNowMs } from '../clock.ts';
import { footageAgeMs, hasFootage, isAbnormal, isRetired, shownState, type Camera } from '../fleet.ts';
import { useGaps } from '../footage.ts';
import { age, duration } from '../format.ts';
import { footageSpan, gapPieces } from '../gap-pieces.ts';
import { GapBar } from '../parts/gap-bar.tsx';
import { Icon } from '../parts/icon.tsx';
import { Link } from '../parts/link.tsx';
import { Menu, MenuItem } from '../parts/menu.tsx';
import { StateTag } from '../parts/state-tag.tsx';
import { navigate, playAddress } from '../router.ts';
import { words } from '../words/index.ts';
import { direct } from './camera-actions.ts';
import { Reason } from './reason.tsx';

const hourMs = 3_600_000;
/** A recording camera commits each minute or faster: this long without new footage deserves a look. */
const lateFootageMs = 150_000;
/** A pixel of a 500 px strip. */
const stripResMs = hourMs / 500;

export type CameraDialog = 'rename' | 'address' | 'retire' | 'purge';

interface RowProps {
  camera: Camera;
  onDialog: (dialog: CameraDialog) => void;
}

export function CameraRow({ camera, onDialog }: RowProps) {
  const w = words.value;
  const state = shownState(camera);
  return (
    <li class="camera-row" data-camera={camera.name} data-wrong={state !== 'unknown' && isAbnormal(camera)}>
      <div class="camera-name">
        <Link href={`/cameras/${camera.id}/story`} class="camera-link">
          {camera.name}
        </Link>
        {camera.tier === 'critical' && <span class="badge">{w.critical}</span>}
        <span class="camera-url">{camera.urlRedacted}</span>
      </div>
      <div class="camera-state">
        <StateTag state={state} />
        <Reason camera={camera} />
      </div>
      <LastHour camera={camera} />
      <LastFootage camera={camera} />
      <div class="camera-actions">
        <Link class="button square quiet" href={playAddress(camera.id)} label={w.playCamera(camera.name)}>
          <Icon name="play" />
        </Link>
        {!isRetired(camera) && (
          <Menu icon="more" label={w.more(camera.name)}>
            <MenuItem onChoose={() => onDialog('rename')}>{w.rename}</MenuItem>
            {camera.intent === 'paused' ? (
              <MenuItem onChoose={() => void direct(camera, 'resume')}>{w.resume}</MenuItem>
            ) : (
              <MenuItem onChoose={() => void direct(camera, 'pause')}>{w.pause}</MenuItem>
            )}
            <MenuItem onChoose={() => onDialog('address')}>{w.changeAddress}</MenuItem>
            <MenuItem danger onChoose={() => onDialog('retire')}>
              {w.retire}
            </MenuItem>
          </Menu>
        )}
        {camera.state === 'grace' && (
          <Menu icon="more" label={w.more(camera.name)}>
            <MenuItem onChoose={() => void direct(camera, 'reactivate')}>{w.reactivate}</MenuItem>
            <MenuItem danger onChoose={() => onDialog('purge')}>
              {w.purge}
            </MenuItem>
          </Menu>
        )}
      </div>
    </li>
  );
}

/** A strip of the last hour, loaded once the row has been seen. */
function LastHour({ camera }: { camera: Camera }) {
  const w = words.value;
  const box = useRef<HTMLDivElement>(null);
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    const observer = new IntersectionObserver((entries) => setSeen(entries.some((entry) => entry.isIntersecting)));
    if (box.current !== null) observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  const loaded = useGaps(camera.id, hourMs, seen, `${camera.state} ${camera.intent}`);
  if (loaded === null) {
    return (
      <div ref={box} class="camera-hour">
        <span class="skeleton strip" />
      </div>
    );
  }
  const toMs = slowServerNowMs();
  const fromMs = toMs - hourMs;
  const footage = footageSpan(camera, fromMs, toMs);
  const pieces = gapPieces(loaded.gaps, fromMs, toMs, stripResMs);
  const lostMs = pieces.reduce((sum, piece) => sum + piece.lostMs, 0);
  const gaps = pieces.reduce((sum, piece) => sum + piece.count, 0);
  const spanMs = footage === null ? 0 : footage.endMs - footage.startMs;
  return (
    <div ref={box} class="camera-hour">
      <GapBar
        fromMs={fromMs}
        toMs={toMs}
        footage={footage}
        pieces={pieces}
        label={w.stripSummary(camera.name, duration(Math.max(0, spanMs - lostMs)), gaps)}
        onChoose={(atMs) => navigate(playAddress(camera.id, Math.round(atMs)))}
      />
    </div>
  );
}

function LastFootage({ camera }: { camera: Camera }) {
  const w = words.value;
  const ageMs = footageAgeMs(camera);
  const known = ageMs !== null && hasFootage(camera);
  const late = known && camera.state === 'recording' && ageMs > lateFootageMs;
  return (
    <div class="camera-age" data-late={late}>
      <span class="age-label">{w.lastFootage}: </span>
      {known ? w.ago(age(ageMs)) : w.noFootageYet}
    </div>
  );
}
