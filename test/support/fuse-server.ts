/**
 * The process of `FuseMount`: answers the kernel on descriptor 3 (FUSE protocol 7.31, fuse(4))
 * until it is killed. Numbers are those of linux/fuse.h.
 */
import { readSync, writeSync } from 'node:fs';

const DEVICE = 3;
const HEADER_BYTES = 16;
const ROOT = 1n;
const BUFFER_BYTES = 1_048_576 + 65_536;
const VALID_S = 1n;
const [ENOENT, ENOSYS] = [2, 38];
const DIRECTORY_MODE = 0o040755;
const FILE_MODE = 0o100644;

const Op = {
  lookup: 1,
  forget: 2,
  getattr: 3,
  open: 14,
  read: 15,
  statfs: 17,
  release: 18,
  flush: 25,
  init: 26,
  opendir: 27,
  readdir: 28,
  releasedir: 29,
  interrupt: 36,
  destroy: 38,
  batchForget: 42,
} as const;
/** The kernel waits for no answer to these. */
const SILENT: ReadonlySet<number> = new Set([Op.forget, Op.interrupt, Op.batchForget]);
const ENDINGS: ReadonlySet<number> = new Set([Op.release, Op.releasedir, Op.flush, Op.destroy]);

interface Node {
  readonly id: bigint;
  readonly name: string;
  readonly parent: bigint;
  readonly content: Buffer | undefined;
  readonly hangs: boolean;
}

interface Request {
  readonly opcode: number;
  readonly unique: bigint;
  readonly nodeId: bigint;
  readonly body: Buffer;
}

const plan = JSON.parse(process.argv[2] ?? '{}') as {
  readonly files: Readonly<Record<string, string>>;
  readonly hanging: readonly string[];
};
const nodes = new Map<bigint, Node>();
const startedAtS = BigInt(Math.floor(Date.now() / 1_000) - 3_600);

function addNode(parent: bigint, name: string, file?: { content: string; hangs: boolean }): Node {
  const known = [...nodes.values()].find((node) => node.parent === parent && node.name === name);
  if (known !== undefined) return known;
  const content = file === undefined ? undefined : Buffer.from(file.content);
  const id = BigInt(nodes.size + 1);
  const node = { id, name, parent, content, hangs: file?.hangs === true };
  nodes.set(id, node);
  return node;
}

function plant(): void {
  addNode(0n, '');
  for (const [path, content] of Object.entries(plan.files)) {
    const names = path.split('/');
    const parents = names.slice(0, -1);
    const parent = parents.reduce((id, name) => addNode(id, name).id, ROOT);
    addNode(parent, names.at(-1) ?? '', { content, hangs: plan.hanging.includes(path) });
  }
}

function answer({ unique }: Request, error: number, payload: Buffer = Buffer.alloc(0)): void {
  const head = Buffer.alloc(HEADER_BYTES);
  head.writeUInt32LE(HEADER_BYTES + payload.length, 0);
  head.writeInt32LE(-error, 4);
  head.writeBigUInt64LE(unique, 8);
  writeSync(DEVICE, Buffer.concat([head, payload]));
}

/** `struct fuse_attr`. */
function attributesOf(node: Node): Buffer {
  const size = BigInt(node.content?.length ?? 0);
  const attributes = Buffer.alloc(88);
  for (const [index, value] of [node.id, size, (size + 511n) / 512n].entries()) {
    attributes.writeBigUInt64LE(value, index * 8);
  }
  for (let index = 3; index < 6; index += 1) attributes.writeBigUInt64LE(startedAtS, index * 8);
  const mode = node.content === undefined ? DIRECTORY_MODE : FILE_MODE;
  attributes.writeUInt32LE(mode, 60);
  attributes.writeUInt32LE(1, 64);
  attributes.writeUInt32LE(process.getuid?.() ?? 0, 68);
  attributes.writeUInt32LE(process.getgid?.() ?? 0, 72);
  attributes.writeUInt32LE(4_096, 80);
  return attributes;
}

function lookUp(request: Request): void {
  const name = request.body.toString('utf8', 0, request.body.indexOf(0));
  const found = [...nodes.values()].find(
    (node) => node.parent === request.nodeId && node.name === name,
  );
  if (found === undefined) {
    answer(request, ENOENT);
    return;
  }
  const entry = Buffer.alloc(40);
  entry.writeBigUInt64LE(found.id, 0);
  entry.writeBigUInt64LE(VALID_S, 16);
  entry.writeBigUInt64LE(VALID_S, 24);
  answer(request, 0, Buffer.concat([entry, attributesOf(found)]));
}

function getAttributes(request: Request, node: Node): void {
  const valid = Buffer.alloc(16);
  valid.writeBigUInt64LE(VALID_S, 0);
  answer(request, 0, Buffer.concat([valid, attributesOf(node)]));
}

function read(request: Request, node: Node): void {
  // No answer: whoever reads hangs until this process ends.
  if (node.hangs) return;
  const offset = Number(request.body.readBigUInt64LE(8));
  const length = request.body.readUInt32LE(16);
  answer(request, 0, node.content?.subarray(offset, offset + length));
}

function readDirectory(request: Request, node: Node): void {
  const offset = Number(request.body.readBigUInt64LE(8));
  const inside = [...nodes.values()].filter(({ parent }) => parent === node.id);
  const entries = inside.slice(offset).map((each, index) => {
    const name = Buffer.from(each.name);
    const entry = Buffer.alloc((24 + name.length + 7) & ~7);
    entry.writeBigUInt64LE(each.id, 0);
    entry.writeBigUInt64LE(BigInt(offset + index + 1), 8);
    entry.writeUInt32LE(name.length, 16);
    entry.writeUInt32LE(each.content === undefined ? 4 : 8, 20);
    name.copy(entry, 24);
    return entry;
  });
  answer(request, 0, Buffer.concat(entries));
}

function initialise(request: Request): void {
  const reply = Buffer.alloc(64);
  reply.writeUInt32LE(7, 0);
  reply.writeUInt32LE(31, 4);
  reply.writeUInt32LE(65_536, 8);
  reply.writeUInt16LE(12, 16);
  reply.writeUInt16LE(10, 18);
  reply.writeUInt32LE(65_536, 20);
  reply.writeUInt32LE(1, 24);
  answer(request, 0, reply);
}

function serve(request: Request): void {
  const { opcode, nodeId } = request;
  const node = nodes.get(nodeId);
  if (SILENT.has(opcode)) return;
  if (opcode === Op.init) initialise(request);
  else if (node === undefined) answer(request, ENOENT);
  else if (opcode === Op.lookup) lookUp(request);
  else if (opcode === Op.getattr) getAttributes(request, node);
  else if (opcode === Op.open || opcode === Op.opendir) answer(request, 0, Buffer.alloc(16));
  else if (opcode === Op.read) read(request, node);
  else if (opcode === Op.readdir) readDirectory(request, node);
  else if (opcode === Op.statfs) answer(request, 0, Buffer.alloc(80));
  else answer(request, ENDINGS.has(opcode) ? 0 : ENOSYS);
}

/** 0 when the file system was unmounted and nothing of it is in use any more. */
function readMessage(): number {
  try {
    return readSync(DEVICE, buffer, 0, buffer.length, null);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENODEV') return 0;
    throw error;
  }
}

const buffer = Buffer.alloc(BUFFER_BYTES);
plant();
process.stdout.write('ready\n');
for (;;) {
  const length = readMessage();
  if (length === 0) break;
  const message = buffer.subarray(0, length);
  serve({
    opcode: message.readUInt32LE(4),
    unique: message.readBigUInt64LE(8),
    nodeId: message.readBigUInt64LE(16),
    body: message.subarray(40),
  });
}
