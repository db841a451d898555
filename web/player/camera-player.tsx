import { useRef, useState } from 'preact/hooks';
import { serverNowMs } from '../clock.ts';
import { shownState, type Camera } from '../fleet.ts';
import { useGaps } from '../footage.ts';
import { gapPieces } from '../gap-pieces.ts';
import { Legend } from '../parts/legend.tsx';
import { StateTag } from '../parts/state-tag.tsx';
import { navigate, playAddress } from '../router.ts';
import { words } from '../words/index.ts';
import { GapList } from './gap-list.tsx';
import { GoToDialog } from './go-to-dialog.tsx';
import { usePlayerKeys } from './keys.ts';
import { Timeline } from './timeline.tsx';
import { Transport } from './transport.tsx';
import { usePlayer } from './use-player.ts';
import { VideoNotice } from './video-notice.tsx';

interface CameraPlayerProps {
  camera: Camera;
  cameras: Camera[];
}

/** Gaps closer than a pixel of a 1,000 px axis are drawn as one. */
const axisPixels = 1000;

export function CameraPlayer({ camera, cameras }: CameraPlayerProps) {
  const w = words.value;
  const { player, video, still, jump } = usePlayer(camera);
  const stage = useRef<HTMLDivElement>(null);
  const [goingTo, setGoingTo] = useState(false);
  const move = (byMs: number) => {
    const wall = player?.wallMs.peek();
    if (wall != null) jump(wall + byMs);
  };
  const full = () => {
    if (document.fullscreenElement === null) void stage.current?.requestFullscreen();
    else void document.exitFullscreen();
  };
  usePlayerKeys(player, { move, goTo: () => setGoingTo(true), full });

  return (
    <div class="page play-page">
      <header class="play-head">
        <h1 class="visually-hidden">
          {w.play}: {camera.name}
        </h1>
        <select
          class="camera-choice"
          aria-label={w.chooseCamera}
          value={camera.id}
          onChange={(event) => {
            const at = player?.following.peek() === false ? player.wallMs.peek() : null;
            navigate(playAddress(event.currentTarget.value, at === null ? undefined : Math.round(at)));
          }}
        >
          {cameras.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
        <StateTag state={shownState(camera)} />
      </header>
      <div ref={stage} class="stage">
        <video ref={video} muted playsInline tabIndex={-1} aria-label={`${w.video}: ${camera.name}`} />
        <canvas ref={still} class="still" hidden aria-hidden="true" />
        {player !== null && <VideoNotice player={player} onRetry={() => jump(player.wallMs.peek())} />}
      </div>
      {player !== null && (
        <Transport
          player={player}
          onMove={move}
          onGoTo={() => setGoingTo(true)}
          onLatest={() => jump(null)}
          onFull={full}
        />
      )}
      {player !== null && <Footage camera={camera} player={player} jump={jump} />}
      {goingTo && (
        <GoToDialog atMs={player?.wallMs.peek() ?? serverNowMs()} onGo={jump} onClose={() => setGoingTo(false)} />
      )}
    </div>
  );
}

type Used = Required<Pick<ReturnType<typeof usePlayer>, 'jump'>>;
interface FootageProps extends Used {
  camera: Camera;
  player: NonNullable<ReturnType<typeof usePlayer>['player']>;
}

/** The loaded range with its gaps, drawn and in words. */
function Footage({ camera, player, jump }: FootageProps) {
  const loaded = player.range.value;
  const nowMs = serverNowMs();
  const fromMs = loaded?.fromMs ?? nowMs;
  const toMs = loaded === null ? nowMs : Math.min(loaded.toMs, nowMs);
  // An open range ends now: its gaps are asked for up to its bound, which stays the same.
  const range = { fromMs, toMs: loaded?.toMs ?? nowMs };
  const gaps = useGaps(camera.id, range, loaded !== null, `${camera.state} ${camera.intent}`);
  if (loaded === null || toMs <= fromMs) return null;
  const pieces = gapPieces(gaps?.gaps ?? [], fromMs, toMs, (toMs - fromMs) / axisPixels);
  return (
    <>
      <Timeline
        camera={camera}
        fromMs={fromMs}
        toMs={toMs}
        wallMs={player.wallMs.value}
        pieces={pieces}
        onSeek={jump}
      />
      <Legend />
      <p class="keys-hint">{words.value.keys}</p>
      <GapList pieces={pieces} onSeek={jump} />
    </>
  );
}
