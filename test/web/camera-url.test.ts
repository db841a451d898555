import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseCameraUrl } from '../../domain/camera-url.ts';
import { addressFault, joinLogin, splitLogin } from '../../web/camera-url.ts';

const bare = { user: '', password: '' };

test('a pasted login moves to its own fields', () => {
  const pasted = { ...bare, address: ' rtsp://admin:p%40ss@w0rd@10.0.0.7:554/live?x=1 ' };
  expect(splitLogin(pasted)).toEqual({ address: 'rtsp://10.0.0.7:554/live?x=1', user: 'admin', password: 'p@ss@w0rd' });
  expect(splitLogin({ ...bare, address: 'rtsp://admin:100%@cam/live' })).toMatchObject({ password: '100%' });
  expect(splitLogin({ user: 'a', password: 'b', address: 'rtsp://cam/live' })).toMatchObject({
    user: 'a',
    password: 'b',
  });
});

test('an @ in the path is no login', () => {
  const address = 'rtsp://cam/live@home';
  expect(joinLogin({ ...bare, address })).toBe(address);
  expect(joinLogin({ user: 'a', password: 'b', address })).toBe('rtsp://a:b@cam/live@home');
});

test('no user or password can change host, port or path', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (user, password) => {
      const url = joinLogin({ address: 'rtsp://10.0.0.7:554/live', user, password });
      const { host, hostname, port, pathname } = new URL(url);
      expect({ host, hostname, port, pathname }).toEqual({
        host: '10.0.0.7:554',
        hostname: '10.0.0.7',
        port: '554',
        pathname: '/live',
      });
      expect(splitLogin({ ...bare, address: url })).toEqual({ address: 'rtsp://10.0.0.7:554/live', user, password });
    }),
  );
});

test('the API takes what the form makes', () => {
  const made = joinLogin({ address: 'rtsp://10.0.0.7/live', user: 'ad@min', password: 'a:/?#[]@%' });
  expect(parseCameraUrl(made).redactedUrl).toBe('rtsp://10.0.0.7/live');
});

test('says what is wrong before the server is asked', () => {
  expect(addressFault('http://cam/')).toBe('scheme');
  expect(addressFault('10.0.0.7/live')).toBe('scheme');
  expect(addressFault('rtsp://')).toBe('host');
  expect(addressFault('rtsp:///live')).toBe('host');
  expect(addressFault('rtsps://cam')).toBeNull();
  expect(addressFault('rtsp://[fd00::1]:554/a')).toBeNull();
});
