import { z } from 'zod';
import type { StreamFormat } from '../domain/segment.ts';
import { maybeOne, type Db } from './sql.ts';

/** Formats are few and never change or go: a camera has one for months. Per pool, since ids belong to a database. */
const known = new WeakMap<Db, Map<string, number>>();

const idRow = z.object({ id: z.number() });

/**
 * The catalogue's id of a format, made when it is new. Remembered for as long as the pool lives; within a transaction
 * it is asked for, since a rollback would take it back.
 */
export async function formatId(db: Db, format: StreamFormat): Promise<number> {
  const key = JSON.stringify(formatValues(format));
  const cached = known.get(db)?.get(key);
  if (cached !== undefined) return cached;
  const id = await findOrMake(db, format);
  if ('totalCount' in db) {
    const ids = known.get(db) ?? new Map<string, number>();
    known.set(db, ids.set(key, id));
  }
  return id;
}

function formatValues(format: StreamFormat): unknown[] {
  return [
    format.codec,
    format.codecTag,
    format.width,
    format.height,
    format.fps,
    format.audioCodec,
    format.initBytes,
    format.initSha256,
  ];
}

async function findOrMake(db: Db, format: StreamFormat): Promise<number> {
  const values = formatValues(format);
  // Two writers may make one format at the same time: the one that comes second finds it in its next turn.
  for (let turn = 0; turn < 3; turn += 1) {
    const found = await maybeOne(
      db,
      idRow,
      `with found as (
         select id from stream_format
         where codec = $1::text and codec_tag = $2::text and width = $3::int and height = $4::int and fps = $5::real
           and audio_codec is not distinct from $6::text and init_bytes = $7::int and init_sha256 = decode($8::text, 'hex')
       ), made as (
         insert into stream_format (codec, codec_tag, width, height, fps, audio_codec, init_bytes, init_sha256)
         select $1, $2, $3, $4, $5::real, $6, $7, decode($8, 'hex') where not exists (select from found)
         on conflict do nothing returning id
       )
       select id from found union all select id from made`,
      values,
    );
    if (found !== null) return found.id;
  }
  throw new Error('a stream format could neither be found nor made');
}
