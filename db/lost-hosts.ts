import { z } from 'zod';
import { stillRecordingMs } from './leases.ts';
import { at, many, type Db } from './sql.ts';

/**
 * Explains at once why the cameras of recorders give no footage that have not been seen since `seenBeforeMs`: an open
 * claim `host-lost` from the end of their footage on, and the state `reconnecting`. A claim that is open already stays.
 * A host that took a camera and was lost before its first frame took nothing away from the one that still records it.
 * Said twice it changes nothing.
 * @returns the cameras it was new for
 */
export function claimLostHosts(db: Db, times: { seenBeforeMs: number; nowMs: number }): Promise<string[]> {
  return many(
    db,
    z.object({ public_id: z.string() }).transform((row) => row.public_id),
    `with lost as (
       select l.camera_id, l.last_end_at, l.host_id, l.epoch
       from recorder r join camera_lease l on l.host_id = r.host_id and l.wanted
       join camera c on c.id = l.camera_id and c.status in ('connecting', 'recording', 'reconnecting')
       where r.seen_at < $1::timestamptz
         and not (l.recording_epoch between 1 and l.epoch - 1
           and l.last_end_at > $2::timestamptz - $3::int * interval '1 ms')
         and not exists (select from gap g where g.camera_id = l.camera_id and g.end_at is null)
     ), claimed as (
       insert into gap (camera_id, start_at, reason, evidence)
       select camera_id, last_end_at, 'host-lost', jsonb_build_object('hostId', host_id, 'epoch', epoch) from lost
       on conflict (camera_id) where end_at is null do nothing
       returning camera_id
     )
     update camera set status = 'reconnecting', status_reason = 'host-lost', status_at = $2::timestamptz
     where id in (select camera_id from claimed) returning public_id`,
    [at(times.seenBeforeMs), at(times.nowMs), stillRecordingMs],
  );
}
