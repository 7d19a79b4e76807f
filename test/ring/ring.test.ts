import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatHostPort } from '../../src/ring/node-address.ts';
import { partitionerNamed, partitionerNames, tokenCount } from '../../src/ring/partitioner.ts';
import { evenOwners, Ring } from '../../src/ring/ring.ts';

function names(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `replica${index}`);
}

function evenRing(count: number, replicationFactor = 3): Ring {
  return new Ring({
    epoch: 1,
    partitioner: partitionerNamed('byte-ordered'),
    replicationFactor,
    owners: evenOwners(names(count)),
  });
}

describe('an even ring', () => {
  it('of four nodes has the quarters and neighbours of the contract', () => {
    const ring = evenRing(4);
    const quarters = [
      [0, 63, [0, 1, 2]],
      [64, 127, [1, 2, 3]],
      [128, 191, [2, 3, 0]],
      [192, 255, [3, 0, 1]],
    ] as const;
    for (const [first, last, indexes] of quarters) {
      const expected = indexes.map((index) => `replica${index}`);
      for (let token = first; token <= last; token++) {
        assert.deepEqual(ring.preferenceList(token), expected, `token ${token}`);
      }
    }
  });

  it('of 1 to 256 nodes gives each node an equal arc, and every token to one', () => {
    for (let count = 1; count <= tokenCount; count++) {
      const ring = evenRing(count);
      assert.deepEqual(ring.nodes, names(count));
      let next = 0;
      for (const [index, { owner, first, last }] of ring.ranges().entries()) {
        assert.equal(owner, `replica${index}`);
        assert.equal(first, next);
        assert.equal(first, Math.floor((tokenCount * index) / count));
        assert.ok(Math.abs(ring.tokensOwned(owner) - tokenCount / count) < 1);
        assert.equal(last - first + 1, ring.tokensOwned(owner));
        next = last + 1;
      }
      assert.equal(next, tokenCount);
    }
  });

  it('of 1 to 256 nodes lists the owner and the next distinct nodes clockwise', () => {
    for (let count = 1; count <= tokenCount; count++) {
      const ring = evenRing(count);
      const replicas = Math.min(3, count);
      assert.equal(ring.replicas, replicas);
      for (let token = 0; token < tokenCount; token++) {
        const owner = names(count).indexOf(ring.ownerOf(token));
        const expected = names(replicas).map((_, step) => `replica${(owner + step) % count}`);
        assert.deepEqual(ring.preferenceList(token), expected);
      }
    }
  });

  it('is refused without a node and with more nodes than tokens', () => {
    assert.throws(() => evenOwners([]), /1 to 256/);
    assert.throws(() => evenOwners(names(257)), /1 to 256/);
  });

  it('has no token beyond 255', () => {
    assert.throws(() => evenRing(4).preferenceList(256), /0 to 255/);
    assert.throws(() => evenRing(4).ownerOf(-1), /0 to 255/);
  });
});

const arbitraryRing = fc.record({
  epoch: fc.integer({ min: 1, max: 3 }),
  partitioner: fc.constantFrom(...partitionerNames.map(partitionerNamed)),
  replicationFactor: fc.integer({ min: 1, max: 5 }),
  // Few long arcs, so that equal rings and rings with one other owner are both met.
  owners: fc
    .array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.constantFrom(64, 128)), {
      minLength: 4,
      maxLength: 4,
    })
    .map((arcs) =>
      [...arcs.flatMap(([owner, width]) => Array<string>(width).fill(owner))].slice(0, tokenCount),
    ),
});

describe('a ring of any owners', () => {
  it('lists distinct nodes, as many as the factor or all there are', () => {
    fc.assert(
      fc.property(arbitraryRing, fc.integer({ min: 0, max: 255 }), (init, token) => {
        const ring = new Ring(init);
        const list = ring.preferenceList(token);
        assert.equal(list[0], init.owners[token]);
        assert.equal(new Set(list).size, list.length);
        assert.equal(list.length, Math.min(init.replicationFactor, new Set(init.owners).size));
        for (const node of ring.nodes) {
          assert.equal(ring.holds(node, token), list.includes(node));
          assert.equal(ring.tokensHeld(node).has(token), list.includes(node));
        }
      }),
    );
  });

  it('has the digest of another exactly if nothing differs', () => {
    const text = (init: ConstructorParameters<typeof Ring>[0]) =>
      JSON.stringify([init.epoch, init.partitioner.name, init.replicationFactor, init.owners]);
    fc.assert(
      fc.property(arbitraryRing, arbitraryRing, (left, right) => {
        const isEqual = text(left) === text(right);
        assert.equal(new Ring(left).digest() === new Ring(right).digest(), isEqual);
      }),
    );
  });

  it('has another digest when one thing differs', () => {
    const init = {
      epoch: 1,
      partitioner: partitionerNamed('byte-ordered'),
      replicationFactor: 3,
      owners: evenOwners(names(4)),
    };
    const digests = [
      init,
      { ...init, epoch: 2 },
      { ...init, partitioner: partitionerNamed('hash') },
      { ...init, replicationFactor: 2 },
      { ...init, owners: evenOwners(['replica1', 'replica0', 'replica2', 'replica3']) },
      { ...init, owners: evenOwners(names(4)).with(255, 'replica0') },
    ].map((each) => new Ring(each).digest());
    assert.equal(new Set(digests).size, digests.length);
    assert.equal(new Ring({ ...init }).digest(), digests[0]);
  });
});

describe('formatHostPort', () => {
  it('puts IPv6 addresses in brackets', () => {
    assert.equal(formatHostPort({ host: 'localhost', port: 9090 }), 'localhost:9090');
    assert.equal(formatHostPort({ host: '::1', port: 9090 }), '[::1]:9090');
  });
});
