/**
 * The beginning of a statement that writes what a recorder says of its camera: `fenced` is the id of camera $1 where a
 * word of its recording of epoch $2 counts, that is while the camera is wanted and no newer epoch has its first frame.
 * $2 null: it is no recorder's word, and counts.
 *
 * Whoever pauses the camera or gets its first frame waits for such a statement, and it for them: so what they write
 * next finds what was said before, and nothing is said afterwards. The camera's row is locked before the lease's, in the
 * order in which changes of a camera lock them.
 * @param cameraLock `no key update` where the statement changes the camera's row itself
 */
export function fencedCameraSql(cameraLock: 'key share' | 'no key update'): string {
  return `with named as (
       select id from camera where public_id = $1::uuid for ${cameraLock}
     ), fenced as (
       select l.camera_id as id, l.wanted from named join camera_lease l on l.camera_id = named.id
       where $2::int is null or (l.wanted and l.recording_epoch <= $2::int)
       for share of l
     )`;
}
