import http from 'node:http';
import https from 'node:https';
import { Client } from 'minio';
import { createBoundedTransport } from './bounded-transport.ts';

export interface ObjectsOptions {
  endpoint: string;
  accessKey: string;
  secretKey: string;
  bucket: string;
  region: string;
}

/** A client whose every wait has an end. @param options.endpoint `http://host:port` or `https://host` */
export function createS3Client({ endpoint, accessKey, secretKey, region }: ObjectsOptions): {
  client: Client;
  close: () => void;
} {
  const url = new URL(endpoint);
  const secure = url.protocol === 'https:';
  // 64 connections: the commits of 200 cameras a minute need three, the rest is for players.
  const agentOptions = { keepAlive: true, maxSockets: 64 };
  const agent = secure ? new https.Agent(agentOptions) : new http.Agent(agentOptions);
  const client = new Client({
    endPoint: url.hostname,
    port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
    useSSL: secure,
    accessKey,
    secretKey,
    region,
    pathStyle: true,
    transport: createBoundedTransport(secure),
    transportAgent: agent,
    // A retry would send the rest of a half-read stream; our callers try again with a fresh one.
    retryOptions: { disableRetry: true },
  });
  // Over TLS the library would leave the payload unsigned.
  client.enableSHA256 = true;

  return { client, close: () => agent.destroy() };
}

/** The store's code for what went wrong. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** Whether an error says that there is no such object. */
export function isMissing(error: unknown): boolean {
  return ['NotFound', 'NoSuchKey'].includes(codeOf(error) ?? '');
}

/** An item of a bulk delete's answer; an error whose shape we do not know is one nonetheless. */
export function toFailure(error: unknown): { key: string; error: string } {
  const field = (name: string): string => {
    const value: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, name) : undefined;
    return typeof value === 'string' ? value : '';
  };
  return { key: field('Key'), error: `${field('Code')}: ${field('Message')}` };
}
