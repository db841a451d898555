import { useEffect } from 'preact/hooks';
import { fleet, refreshFleet, sortedCameras } from '../fleet.ts';
import { Button } from '../parts/button.tsx';
import { Empty } from '../parts/empty.tsx';
import { Link } from '../parts/link.tsx';
import { ProblemNote } from '../parts/problem-note.tsx';
import { CameraPlayer } from '../player/camera-player.tsx';
import { navigate, place, playAddress } from '../router.ts';
import { words } from '../words/index.ts';

/** `/play?cams=<id>&t=<ISO>`: one camera at a moment, or at its latest footage. */
export function PlayPage() {
  const w = words.value;
  const { asOfMs, problem } = fleet.value;
  const cameras = sortedCameras.value;
  const wanted = (place.value.query.get('cams') ?? '').split(',')[0] ?? '';
  const camera = cameras.find(({ id }) => id === wanted);
  const first = cameras[0];
  useEffect(() => {
    if (wanted === '' && first !== undefined) navigate(playAddress(first.id), 'replace');
  }, [wanted, first?.id]);

  if (camera !== undefined) return <CameraPlayer key={camera.id} camera={camera} cameras={cameras} />;
  if (asOfMs === null && problem !== null) {
    return (
      <div class="page">
        <Empty icon="alert" text={w.loadFailed}>
          <ProblemNote problem={problem} />
          <Button kind="primary" onClick={() => void refreshFleet()}>
            {w.retry}
          </Button>
        </Empty>
      </div>
    );
  }
  if (asOfMs === null || (wanted === '' && first !== undefined)) {
    return (
      <div class="page play-page" role="status" aria-label={w.loading}>
        <span class="skeleton video" />
      </div>
    );
  }
  return (
    <div class="page">
      <Empty icon="cameras" text={wanted === '' ? w.addFirstCamera : (w.problems['not-found'] ?? '')}>
        <Link class="button primary" href="/">
          {w.toCameras}
        </Link>
      </Empty>
    </div>
  );
}
