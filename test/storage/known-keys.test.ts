import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KnownKeys } from '../../src/storage/known-keys.ts';
import { versionAt } from '../record/samples.ts';

describe('KnownKeys', () => {
  it('keeps what is used, and forgets the rest within two generations', () => {
    const keys = new KnownKeys<string>(10);
    keys.of('used').durable = versionAt(1);
    keys.of('unused').durable = versionAt(2);
    for (let index = 0; index < 100; index++) {
      keys.of(`other ${index}`).durable = versionAt(index);
      assert.deepEqual(keys.find('used')?.durable, versionAt(1));
    }
    assert.equal(keys.find('unused'), undefined);
    const kept = Array.from({ length: 100 }, (_, index) => keys.find(`other ${index}`));
    assert.ok(kept.filter((known) => known !== undefined).length < 20);
  });

  it('never forgets a key with a change in flight', () => {
    const keys = new KnownKeys<string>(2);
    const known = keys.of('flying');
    known.flight = 'a change';
    for (let index = 0; index < 100; index++) keys.of(`other ${index}`);
    assert.equal(keys.find('flying'), known);
    known.flight = undefined;
    for (let index = 0; index < 100; index++) keys.of(`other ${index}`);
    assert.equal(keys.find('flying'), undefined);
  });

  it('knows one and the same of a key, whoever asks', () => {
    const keys = new KnownKeys<string>(2);
    const known = keys.of('key');
    keys.of('another');
    keys.of('a third, with which a generation ends');
    assert.equal(keys.of('key'), known);
    assert.equal(keys.find('key'), known);
  });
});
