import { z } from 'zod';

/** The roles a process can have; see ARCHITECTURE.md. */
export const roles = ['api', 'control', 'recorder', 'encoder'] as const;

/** The best first. */
export const encoderKinds = ['nvenc', 'vaapi', 'qsv', 'x264'] as const;

const port = z.coerce.number().int().min(1).max(65_535);
const count = z.coerce.number().int().min(0);
const positive = z.coerce.number().int().min(1);
/** IPv4 or IPv6 network in CIDR notation. */
const network = z.union([z.cidrv4(), z.cidrv6()]);

/** Splits `a, b` into its parts; an empty setting has none. */
function list<T extends z.ZodType<unknown, string>>(item: T) {
  return z
    .string()
    .transform((text) =>
      text
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== ''),
    )
    .pipe(z.array(item));
}

/** All settings by their names in the environment, with their defaults; .env.example says what they mean. */
export const settings = z
  .object({
    FRAMEKEEP_DATA_DIR: z.string().min(1).default('.framekeep'),
    FRAMEKEEP_HOST: z.string().min(1).default('127.0.0.1'),
    FRAMEKEEP_PORT: port.default(8080),
    FRAMEKEEP_ROLES: list(z.enum(roles))
      .pipe(z.array(z.enum(roles)).min(1))
      .default([...roles]),
    FRAMEKEEP_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
    FRAMEKEEP_DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
    FRAMEKEEP_TEMPORAL_ADDRESS: z
      .string()
      .regex(/^[^\s:/]+:\d+$|^\[[0-9a-f:]+\]:\d+$/i, 'must be host:port')
      .optional(),
    FRAMEKEEP_TEMPORAL_NAMESPACE: z.string().min(1).default('default'),
    FRAMEKEEP_TEMPORAL_PORT: port.optional(),
    FRAMEKEEP_TEMPORAL_UI_PORT: port.optional(),
    FRAMEKEEP_S3_ENDPOINT: z.url({ protocol: /^https?$/ }).optional(),
    FRAMEKEEP_S3_ACCESS_KEY: z.string().min(1).optional(),
    FRAMEKEEP_S3_SECRET_KEY: z.string().min(1).optional(),
    FRAMEKEEP_S3_BUCKET: z
      .string()
      .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'must be a bucket name: 3 to 63 of a-z, 0-9, "." and "-"')
      .default('framekeep'),
    FRAMEKEEP_S3_REGION: z.string().min(1).default('us-east-1'),
    FRAMEKEEP_SPOOL_DIR: z.string().min(1).optional(),
    /** 20 GB: about 5.5 hours of one 8 Mbit/s camera. */
    FRAMEKEEP_SPOOL_MAX_BYTES: positive.default(20_000_000_000),
    FRAMEKEEP_SPOOL_LINGER_SECONDS: count.default(1800),
    FRAMEKEEP_SECRET_KEY: z.string().min(32, 'must be at least 32 characters').optional(),
    FRAMEKEEP_DEMO_CAMERAS: count.max(16).default(3),
    FRAMEKEEP_BOOTSTRAP_API_KEY: z.string().min(16, 'must be at least 16 characters').optional(),
    FRAMEKEEP_CAMERA_NETWORKS: list(network).optional(),
    FRAMEKEEP_CAMERA_MAX_KBPS: positive.default(60_000),
    FRAMEKEEP_SEGMENT_SECONDS: positive.max(600).optional(),
    FRAMEKEEP_SESSION_SECONDS: positive.default(43_200),
    FRAMEKEEP_WINDOW_SECONDS: positive.max(3000).default(600),
    FRAMEKEEP_FINAL_WAIT_SECONDS: count.default(1800),
    FRAMEKEEP_GRACE_DAYS: count.max(3650).default(90),
    FRAMEKEEP_RECONCILE_MAX_PERCENT: z.coerce.number().min(0).max(100).default(1),
    FRAMEKEEP_QUARANTINE_DAYS: positive.max(366).default(14),
    FRAMEKEEP_SAMPLE_SEGMENTS: count.max(10_000).default(20),
    FRAMEKEEP_ENCODER: list(z.enum(['auto', 'none', ...encoderKinds]))
      .refine(
        (kinds) => kinds.length === 1 || (kinds.length > 1 && !kinds.includes('auto') && !kinds.includes('none')),
        {
          error: '"auto" and "none" stand alone',
        },
      )
      .default(['auto']),
    FRAMEKEEP_ENCODER_SLOTS: positive.optional(),
    FRAMEKEEP_ENCODER_SESSION_DIR: z.string().min(1).optional(),
    FRAMEKEEP_RECORDER_SLOTS: positive.default(200),
    FRAMEKEEP_RECORDER_URL: z.url({ protocol: /^https?$/ }).optional(),
    FRAMEKEEP_CHEAP_TARIFF: z
      .string()
      .regex(/^\d{2}:\d{2}-\d{2}:\d{2} \S+$/, 'must look like "22:00-06:00 Europe/Istanbul"')
      .optional(),
    FRAMEKEEP_FFMPEG: z.string().min(1).default('ffmpeg'),
    FRAMEKEEP_FFPROBE: z.string().min(1).default('ffprobe'),
    FRAMEKEEP_FAILPOINT: z
      .string()
      .regex(/^[a-z-]+:[1-9]\d*$/, 'must be <name>:<n>, such as "stored:1"')
      .optional(),
    /** Paths of tools; read by scripts/setup.mjs, listed here so that they are known settings. */
    FRAMEKEEP_TEMPORAL: z.string().min(1).optional(),
    FRAMEKEEP_WEED: z.string().min(1).optional(),
    FRAMEKEEP_CHROMIUM: z.string().min(1).optional(),
    FRAMEKEEP_MINIO: z.string().min(1).optional(),
    FRAMEKEEP_TEMPORAL_TEST_SERVER: z.string().min(1).optional(),
    FRAMEKEEP_PYTHON: z.string().min(1).optional(),
  })
  .strict();
