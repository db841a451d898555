import { readConfig } from '../config.ts';
import { migrate } from '../db/migrate.ts';
import { createLogger } from '../log.ts';

// Every process migrates when it starts; this is for those who want it done before.
const config = readConfig(process.env);
const log = createLogger({ level: config.logLevel, name: 'migrate' });
if (config.databaseUrl === undefined) throw new Error('FRAMEKEEP_DATABASE_URL must be set to migrate a database');
await migrate(config.databaseUrl, log);
