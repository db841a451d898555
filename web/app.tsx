import { useEffect } from 'preact/hooks';
import { AccountMenu } from './account-menu.tsx';
import { watchFleet } from './fleet.ts';
import { CameraPage } from './pages/camera.tsx';
import { CamerasPage } from './pages/cameras.tsx';
import { LoginPage } from './pages/login.tsx';
import { PlayPage } from './pages/play.tsx';
import { RetentionPage, retentionTabs } from './pages/retention.tsx';
import { SystemPage } from './pages/system.tsx';
import { Empty } from './parts/empty.tsx';
import { GapCard } from './parts/gap-card.tsx';
import { Icon, type IconName } from './parts/icon.tsx';
import { Link } from './parts/link.tsx';
import { Mark } from './parts/mark.tsx';
import { OfflineBar } from './parts/offline-bar.tsx';
import { Toasts } from './parts/toast.tsx';
import { place } from './router.ts';
import { loadSession, me } from './session.ts';
import { words } from './words/index.ts';

/** How often a server that does not answer is asked again who we are. */
const sessionRetryMs = 3_000;

export function App() {
  const known = me.value;
  useEffect(() => {
    if (known !== undefined) return undefined;
    void loadSession();
    const timer = setInterval(() => void loadSession(), sessionRetryMs);
    return () => clearInterval(timer);
  }, [known === undefined]);
  return (
    <>
      {known === null && <LoginPage />}
      {known !== null && <Shell ready={known !== undefined} />}
      <GapCard />
      <Toasts />
    </>
  );
}

function Shell({ ready }: { ready: boolean }) {
  const w = words.value;
  useEffect(() => (ready ? watchFleet() : undefined), [ready]);
  return (
    <div class="shell">
      <a class="skip" href="#content">
        {w.skipToContent}
      </a>
      <nav class="rail" aria-label={w.mainNavigation}>
        <div class="brand">
          <Mark />
          <span>framekeep</span>
        </div>
        <NavItem href="/" icon="cameras" text={w.cameras} current={isCameras()} />
        <NavItem href="/play" icon="play" text={w.play} current={place.value.path === '/play'} />
        <NavItem href="/retention/plan" icon="archive" text={w.archive} current={isBelow('/retention')} />
        <NavItem href="/system" icon="system" text={w.system} current={isBelow('/system')} />
        <AccountMenu />
      </nav>
      <div class="content">
        <OfflineBar />
        <main id="content" tabIndex={-1}>
          {ready ? <Page /> : <div class="page" aria-busy="true" />}
        </main>
      </div>
    </div>
  );
}

function isCameras(): boolean {
  return place.value.path === '/' || isBelow('/cameras');
}

function isBelow(folder: string): boolean {
  const { path } = place.value;
  return path === folder || path.startsWith(`${folder}/`);
}

function Page() {
  const { path } = place.value;
  const w = words.value;
  const [, first = '', second = '', third = ''] = path.split('/');
  const title = { play: w.play, retention: w.archive, system: w.system }[first] ?? w.cameras;
  useEffect(() => {
    document.title = `${title} · framekeep`;
  }, [title]);
  if (path === '/' || path === '/cameras') return <CamerasPage />;
  if (first === 'cameras') return <CameraPage cameraId={second} tab={third} />;
  if (path === '/play') return <PlayPage />;
  const tab = retentionTabs.find((one) => one === second) ?? (second === '' ? 'plan' : undefined);
  if (first === 'retention' && tab !== undefined) return <RetentionPage tab={tab} />;
  if (path === '/system') return <SystemPage />;
  return (
    <div class="page">
      <Empty icon="search" text={w.pageMissing}>
        <Link class="button primary" href="/">
          {w.toCameras}
        </Link>
      </Empty>
    </div>
  );
}

interface NavItemProps {
  href: string;
  icon: IconName;
  text: string;
  current: boolean;
}

function NavItem({ href, icon, text, current }: NavItemProps) {
  return (
    <Link class="nav-item" href={href} current={current}>
      <Icon name={icon} />
      <span>{text}</span>
    </Link>
  );
}
