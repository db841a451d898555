const paths = {
  cameras: 'M3 8.5h11v9H3zM14 11.5l6-3v9l-6-3',
  play: 'M7 4.5v15l12-7.5z',
  pause: 'M8 5v14M16 5v14',
  account: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20c1-4 4-5.5 7.5-5.5s6.5 1.5 7.5 5.5',
  plus: 'M12 5v14M5 12h14',
  more: 'M5 12h.01M12 12h.01M19 12h.01',
  close: 'M6 6l12 12M18 6L6 18',
  frameBack: 'M16 6l-7 6 7 6zM6 6v12',
  frameForward: 'M8 6l7 6-7 6zM18 6v12',
  latest: 'M5 6l6 6-6 6M12 6l6 6-6 6M20.5 6v12',
  clock: 'M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17zM12 7.5V12l3 2',
  full: 'M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5',
  sound: 'M4 9.5h3.5L12 6v12l-4.5-3.5H4zM15.5 9a4.2 4.2 0 0 1 0 6M18 6.5a8 8 0 0 1 0 11',
  mute: 'M4 9.5h3.5L12 6v12l-4.5-3.5H4zM16 9.5l5 5M21 9.5l-5 5',
  search: 'M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM15.5 15.5L20 20',
  chevron: 'M7 10l5 5 5-5',
  alert: 'M12 4l9 16H3zM12 10v4.5M12 17.2h.01',
  lock: 'M5.5 11h13v9h-13zM8.5 11V7.5a3.5 3.5 0 0 1 7 0V11',
  archive: 'M3.5 5h17v4h-17zM5 9v10.5h14V9M10 13h4',
  shield: 'M12 3.5l7 2.5v5.5c0 4.5-3 7.5-7 9-4-1.5-7-4.5-7-9V6zM9 12l2.2 2.2L15 10.5',
  system: 'M4 4.5h16v6.5H4zM4 13h16v6.5H4zM7.5 7.7h.01M7.5 16.2h.01M11 7.7h6M11 16.2h6',
} as const;

export type IconName = keyof typeof paths;

/** A 20 px line drawing; it never stands alone for assistive technology, so it is hidden from it. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  );
}
