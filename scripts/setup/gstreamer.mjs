// The second, independent camera of the tests: gst-rtsp-server, driven by the distribution's own Python.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** A file that each package brings, looked for below the libraries' folders. */
const packages = {
  'python3-gi': 'python3/dist-packages/gi/__init__.py',
  'gir1.2-gst-rtsp-server-1.0': 'girepository-1.0/GstRtspServer-1.0.typelib',
  'gstreamer1.0-plugins-base': 'gstreamer-1.0/libgstapp.so',
  'gstreamer1.0-plugins-good': 'gstreamer-1.0/libgstrtp.so',
  'gstreamer1.0-plugins-bad': 'gstreamer-1.0/libgstvideoparsersbad.so',
  'gstreamer1.0-plugins-ugly': 'gstreamer-1.0/libgstx264.so',
};

/** The packages that are not installed. */
export function missingGstreamerPackages() {
  const folders = ['/usr/lib', '/usr/lib64', ...architectureFolders()];
  return Object.entries(packages)
    .filter(([, file]) => !folders.some((folder) => existsSync(join(folder, file))))
    .map(([name]) => name);
}

/** /usr/lib/x86_64-linux-gnu and the like. */
function architectureFolders() {
  return readdirSync('/usr/lib')
    .filter((name) => name.endsWith('-linux-gnu'))
    .map((name) => join('/usr/lib', name));
}
