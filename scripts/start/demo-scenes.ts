import type { Picture } from '../../test/support/camera/loop-arguments.ts';

export interface DemoCamera {
  name: string;
  path: string;
  picture: Picture;
}

const names = [
  'Gate',
  'Yard',
  'Hall',
  'Dock',
  'Garage',
  'Lobby',
  'Office',
  'Roof',
  'Stairs',
  'Shop',
  'Store',
  'Garden',
];
const moreNames = ['Corridor', 'Parking', 'Workshop', 'Archive'];
const pictures: Picture[] = ['test', 'life', 'bars', 'mandelbrot'];

/** As many as FRAMEKEEP_DEMO_CAMERAS allows. */
export const demoCameras: readonly DemoCamera[] = [...names, ...moreNames].map((name, index) => ({
  name,
  path: `/${name.toLowerCase()}`,
  picture: pictures[index % pictures.length] ?? 'test',
}));
