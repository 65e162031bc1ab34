/**
 * Edge: the entry of the builder thread. Takes modules off the control plane's event loop: hashing,
 * decoding, validating and compiling 64 MiB would stop everything else there. One at a time, in
 * order; it may be ended at any moment: what it keeps between two modules only saves time.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { createCatalogue } from '../../abi/catalogue.ts';
import { toErrorRecord } from '../../errors.ts';
import type { Digest } from '../../threads/messages.ts';
import { optimisingLate } from '../../threads/tier-up.ts';
import {
  type Artifact,
  buildArtifact,
  digestBytes,
  formsOf,
  type JudgeComponent,
  type JudgeModule,
  type WantedForms,
} from './artifact.ts';
import type {
  BuilderReady,
  BuilderReply,
  BuilderRequest,
  BuilderStart,
  BuildRequest,
  BuildVerdict,
  CompileVerdict,
  RecallRequest,
  RecallVerdict,
} from './builder-messages.ts';
import { compileForms } from './compile.ts';
import { FormsShelf } from './forms-shelf.ts';
import { Twins } from './twins.ts';

const { limits, forms: formsStart } = workerData as BuilderStart;
const shelf = new FormsShelf(formsStart, limits);
const twins = new Twins();
const catalogue = createCatalogue(limits);
const judge: JudgeModule = (face) => catalogue.judgeModule(face);
const judgeComponent: JudgeComponent = (plan) => catalogue.judgeComponent(plan);
const port = parentPort;
if (port === null) throw new Error('Cannot build modules: this file is the entry of a thread');

port.on('message', (request: BuilderRequest) => {
  const verdict = answer(request);
  const reply: BuilderReply = { id: request.id, ...verdict };
  port.postMessage(reply, buffersOf(verdict));
});

const ready: BuilderReady = { kind: 'ready' };
port.postMessage(ready);
setImmediate(() => shelf.open());

function answer(request: BuilderRequest): BuildVerdict | RecallVerdict | CompileVerdict {
  if (request.ask === 'build') return optimisingLate(() => buildOne(request));
  return request.ask === 'recall' ? recall(request) : compileForms(request);
}

/** What is handed over, because nothing of it is needed here any more: copies of it take time. */
function buffersOf(verdict: ReturnType<typeof answer>): ArrayBuffer[] {
  if (verdict.kind !== 'built' && verdict.kind !== 'recalled') return [];
  const forms = formsOf(verdict.artifact.cores);
  const all = verdict.kind === 'built' ? [verdict.bytes, ...forms] : forms;
  return [...new Set(all.map(({ buffer }) => buffer))];
}

function recall({ digest, bytes, forms }: RecallRequest): RecallVerdict {
  const artifact = shelf.read({ digest, bytes, forms });
  return artifact === undefined ? { kind: 'forgotten' } : { kind: 'recalled', artifact };
}

function buildOne({ bytes, known, forms, owner }: BuildRequest): BuildVerdict {
  const digest = digestBytes(bytes);
  if (known.has(digest)) return { kind: 'known', digest };
  const wanted = { digest, bytes: bytes.length, forms };
  const kept = shelf.read(wanted);
  if (kept !== undefined) return { kind: 'built', artifact: kept, bytes };
  try {
    const artifact = buildOrFind(bytes, digest, forms);
    return { kind: 'built', artifact, bytes, trouble: shelf.write(artifact, owner, wanted) };
  } catch (error) {
    return { kind: 'refused', digest, error: toErrorRecord(error) };
  }
}

/** @throws TerrafirmaError('module-refused') */
function buildOrFind(bytes: BuildRequest['bytes'], digest: Digest, forms: WantedForms): Artifact {
  const key = bytes.length <= limits.moduleBytesMax ? twins.keyOf(bytes) : undefined;
  const twin = twins.find(key, bytes, digest);
  if (twin !== undefined) return twin;
  const made = buildArtifact(bytes, { limits, judge, judgeComponent, forms, digest });
  const artifact = { ...made, twinKey: key };
  twins.note(key, artifact);
  return artifact;
}
