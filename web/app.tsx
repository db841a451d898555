import { useEffect } from 'preact/hooks';
import { AccountMenu } from './account-menu.tsx';
import { watchFleet } from './fleet.ts';
import { CamerasPage } from './pages/cameras.tsx';
import { LoginPage } from './pages/login.tsx';
import { PlayPage } from './pages/play.tsx';
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
        <NavItem href="/" icon="cameras" text={w.cameras} current={isCameras(place.value.path)} />
        <NavItem href="/play" icon="play" text={w.play} current={place.value.path === '/play'} />
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

function isCameras(path: string): boolean {
  return path === '/' || path === '/cameras';
}

function Page() {
  const { path } = place.value;
  const title = path === '/play' ? words.value.play : words.value.cameras;
  useEffect(() => {
    document.title = `${title} · framekeep`;
  }, [title]);
  if (isCameras(path)) return <CamerasPage />;
  if (path === '/play') return <PlayPage />;
  return (
    <div class="page">
      <Empty icon="search" text={words.value.pageMissing}>
        <Link class="button primary" href="/">
          {words.value.toCameras}
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
