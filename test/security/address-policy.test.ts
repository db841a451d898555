import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createAddressPolicy } from '../../security/address-policy.ts';

const open = createAddressPolicy({ ownAddresses: [] });

describe('createAddressPolicy without allowed networks', () => {
  it.each([
    '192.0.2.7',
    '10.0.0.7',
    '192.168.1.2',
    '172.18.0.3',
    '8.8.8.8',
    '2001:db8::7',
    'fd12::7',
    '64:ff9b::a00:1',
    '64:ff9b:1::a00:1',
    '::ffff:10.0.0.1',
    '2002:a00:1::1',
  ])('lets a camera be at %s', (address) => {
    expect(open.allows(address, 554)).toBe(true);
  });

  it.each([
    '127.0.0.1',
    '127.255.255.254',
    '0.0.0.0',
    '169.254.1.1',
    '169.254.169.254',
    '224.0.0.1',
    '255.255.255.255',
    '100.100.100.200',
    '168.63.129.16',
    '::',
    '::1',
    'fe80::1',
    'fe80::1%eth0',
    'ff02::1',
    'fd00:ec2::254',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::ffff:0:127.0.0.1',
    '::127.0.0.1',
    '64:ff9b::127.0.0.1',
    '64:ff9b::7f00:1',
    '64:ff9b::a9fe:a9fe',
    '64:ff9b:1::7f00:1',
    '64:ff9b:1:7f00:0:100::',
    '2002:7f00:1::',
    '2002:a9fe:a9fe::1',
    '2001:0:0:0:0:0:80ff:fffe',
    'cam.example',
    '',
  ])('refuses %s', (address) => {
    expect(open.allows(address, 554)).toBe(false);
  });

  it('refuses every loopback address in every form that leads to it', () => {
    fc.assert(
      fc.property(fc.nat(255), fc.nat(255), fc.nat(255), (b, c, d) => {
        const hex = `7f${b.toString(16).padStart(2, '0')}:${((c << 8) | d).toString(16)}`;
        for (const form of [
          `127.${b}.${c}.${d}`,
          `::ffff:${hex}`,
          `64:ff9b::${hex}`,
          `64:ff9b:1::${hex}`,
          `2002:${hex}::`,
        ]) {
          expect(open.allows(form, 554)).toBe(false);
        }
      }),
    );
  });
});

describe('createAddressPolicy with allowed networks', () => {
  it('allows those only, also loopback when it is listed', () => {
    const policy = createAddressPolicy({ allowed: ['127.0.0.0/8', '10.1.0.0/16', '2001:db8::/32'], ownAddresses: [] });
    expect(policy.allows('127.0.0.1', 554)).toBe(true);
    expect(policy.allows('10.1.2.3', 554)).toBe(true);
    expect(policy.allows('::ffff:10.1.2.3', 554)).toBe(true);
    expect(policy.allows('64:ff9b::a01:203', 554)).toBe(true);
    expect(policy.allows('2001:db8::1', 554)).toBe(true);
    expect(policy.allows('10.2.0.1', 554)).toBe(false);
    expect(policy.allows('64:ff9b::a02:1', 554)).toBe(false);
    expect(policy.allows('2001:db9::1', 554)).toBe(false);
  });

  it('never allows metadata services, multicast and the unspecified address', () => {
    const policy = createAddressPolicy({ allowed: ['0.0.0.0/0', '::/0'], ownAddresses: [] });
    expect(policy.allows('127.0.0.1', 554)).toBe(true);
    for (const address of [
      '0.0.0.0',
      '::',
      '169.254.169.254',
      'fd00:ec2::254',
      '239.1.1.1',
      '::ffff:169.254.169.254',
    ]) {
      expect(policy.allows(address, 80)).toBe(false);
    }
  });

  it('does not let an allowed NAT64 network lead to loopback', () => {
    const policy = createAddressPolicy({ allowed: ['64:ff9b::/96'], ownAddresses: [] });
    expect(policy.allows('64:ff9b::a00:1', 554)).toBe(true);
    expect(policy.allows('64:ff9b::7f00:1', 554)).toBe(false);
  });

  it('refuses wrong networks', () => {
    for (const allowed of ['10.0.0.0', '10.0.0.0/33', 'cam/8', '10.0.0.0/x']) {
      expect(() => createAddressPolicy({ allowed: [allowed], ownAddresses: [] })).toThrow(/CIDR/);
    }
  });
});

describe('own addresses', () => {
  it('are refused by port, by address, and in mapped form, even where allowed', () => {
    const policy = createAddressPolicy({
      allowed: ['127.0.0.0/8', '10.0.0.0/8', '::/0'],
      ownAddresses: ['127.0.0.1:5432', '10.0.0.9', '[2001:db8::1]:7233', 'localhost:9000'],
    });
    expect(policy.allows('127.0.0.1', 5432)).toBe(false);
    expect(policy.allows('::ffff:127.0.0.1', 5432)).toBe(false);
    expect(policy.allows('127.0.0.1', 554)).toBe(true);
    expect(policy.allows('127.0.0.1', 9000)).toBe(false);
    expect(policy.allows('::1', 9000)).toBe(false);
    expect(policy.allows('10.0.0.9', 554)).toBe(false);
    expect(policy.allows('2001:db8::1', 7233)).toBe(false);
    expect(policy.allows('2001:db8::1', 554)).toBe(true);
  });

  it('listening everywhere means every address of this machine', () => {
    const policy = createAddressPolicy({ allowed: ['127.0.0.0/8'], ownAddresses: ['0.0.0.0:8080'] });
    expect(policy.allows('127.0.0.1', 8080)).toBe(false);
    expect(policy.allows('127.0.0.1', 8081)).toBe(true);
  });

  it('must be addresses', () => {
    expect(() => createAddressPolicy({ ownAddresses: ['postgres:5432'] })).toThrow(/resolve/);
  });
});
