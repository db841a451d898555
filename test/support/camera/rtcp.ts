/** Seconds from 1900 (NTP) to 1970. */
const ntpOffsetSeconds = 2_208_988_800;

/** A sender report with its source's name, in a `$` frame on the channel after the track's. */
export function senderReport(
  track: { channel: number; ssrc: number; packets: number; bytes: number },
  timestamp: number,
  wallMs: number,
): Buffer {
  const name = Buffer.from('simulated-camera');
  const report = Buffer.alloc(28);
  report[0] = 0x80;
  report[1] = 200;
  report.writeUInt16BE(6, 2);
  report.writeUInt32BE(track.ssrc, 4);
  report.writeUInt32BE((Math.floor(wallMs / 1000) + ntpOffsetSeconds) % 2 ** 32, 8);
  report.writeUInt32BE(Math.floor(((wallMs % 1000) / 1000) * 2 ** 32), 12);
  report.writeUInt32BE(timestamp, 16);
  report.writeUInt32BE(track.packets % 2 ** 32, 20);
  report.writeUInt32BE(track.bytes % 2 ** 32, 24);
  // SDES with one CNAME: header, ssrc, item, and zeros up to the next multiple of four
  const description = Buffer.alloc(8 + Math.ceil((2 + name.length + 1) / 4) * 4);
  description[0] = 0x81;
  description[1] = 202;
  description.writeUInt16BE(description.length / 4 - 1, 2);
  description.writeUInt32BE(track.ssrc, 4);
  description[8] = 1;
  description[9] = name.length;
  name.copy(description, 10);
  const framing = Buffer.from([0x24, track.channel + 1, 0, report.length + description.length]);
  return Buffer.concat([framing, report, description]);
}
