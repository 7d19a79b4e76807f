import { createInterface, type Interface } from 'node:readline';
import { QuorateError } from '../../base/quorate-error.ts';
import type { LocalCluster } from './local-cluster.ts';

/** Commands typed while a cluster runs. Without standard input there are none. */

const help = [
  'restart <node>  stop it if it runs, and start it',
  'kill <node>     end it at once, as a crash would',
  'status          what runs where',
  'help            this',
  'Ctrl-C          stop everything',
];

/** Reads lines from standard input and does what they say. */
export class Keyboard {
  readonly #cluster: LocalCluster;
  readonly #say: (sentence: string) => void;
  readonly #lines: Interface;

  constructor(cluster: LocalCluster, say: (sentence: string) => void) {
    this.#cluster = cluster;
    this.#say = say;
    process.stdin.on('error', () => undefined);
    this.#lines = createInterface({ input: process.stdin });
    this.#lines.on('line', (line) => void this.#obey(line));
  }

  /** Stops reading, so that the process can end. */
  close(): void {
    this.#lines.close();
    process.stdin.destroy();
  }

  async #obey(line: string): Promise<void> {
    try {
      await this.#run(line.trim().split(/\s+/));
    } catch (error: unknown) {
      this.#say(QuorateError.from(error).message);
    }
  }

  async #run([verb = '', name = '']: readonly string[]): Promise<void> {
    switch (verb) {
      case '':
        return;
      case 'restart':
        return this.#cluster.restart(name);
      case 'kill':
        return this.#cluster.kill(name);
      case 'status':
        return this.#cluster.describe().forEach(this.#say);
      case 'help':
        return help.forEach((text) => {
          this.#say(text);
        });
      default:
        this.#say(`"${verb}" is not known here; type help`);
    }
  }
}
