import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  rmSync,
  statfsSync,
  truncateSync,
  writeFileSync,
  writeSync
} from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'

/*
 * Disks that fail: ext4 on a loop device over a sparse file, and system calls that a tracer makes fail.
 */

const MIB = 1024 * 1024
/** Of linux/fs/ext4: _IOR('X', 125, __u32), and the flag that drops everything not flushed yet. */
const SHUTDOWN = 0x8004587d
const NO_LOG_FLUSH = 2

const run = (program: string, ...words: string[]): string =>
  execFileSync(program, words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
const has = (program: string): boolean => spawnSync('which', [program], { stdio: 'ignore' }).status === 0
const demanded = process.env['CI'] === 'true'

function whyNot(what: string, programs: readonly string[], isPossible: () => boolean): string | undefined {
  const missing = programs.filter(program => !has(program))
  const reason = missing.length > 0 ? ` (not here: ${missing.join(', ')})` : ''
  return demanded || (missing.length === 0 && isPossible()) ? undefined : `needs ${what}${reason}`
}

const isRoot = (): boolean => process.getuid?.() === 0

/** Why no ext4 can be mounted here; undefined where it can: root, a loop device, and ext4 in the kernel. */
export const withoutLoop = whyNot(
  'root, loop devices, mkfs.ext4 and perl',
  ['losetup', 'mkfs.ext4', 'mount', 'perl'],
  () => isRoot() && existsSync('/dev/loop-control') && readFileSync('/proc/filesystems', 'utf8').includes('\text4\n')
)

/** Why no system call can be made to fail here. */
export const withoutStrace = whyNot('root and strace', ['strace'], isRoot)

/** A disk of its own, mounted at a directory. */
export class LoopDisk {
  readonly #place: string
  readonly #image: string
  #device = ''
  #isMounted = false
  #isShared = false

  private constructor(place: string) {
    this.#place = place
    this.#image = `${place}.image`
  }

  /** @param place an empty directory; everything is undone with the test */
  static make(t: Test, place: string, mebibytes: number): LoopDisk {
    const disk = new LoopDisk(place)
    const undo = (): void => disk.#remove()
    const stop = (): never => process.exit(1)
    // A run that is ended from outside leaves no mount behind either.
    process.once('exit', undo)
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop)
    t.teardown(() => {
      process.removeListener('exit', undo)
      for (const signal of ['SIGTERM', 'SIGINT'] as const) process.removeListener(signal, stop)
      undo()
    })
    writeFileSync(disk.#image, '')
    truncateSync(disk.#image, mebibytes * MIB)
    run('mkfs.ext4', '-q', '-F', disk.#image)
    disk.#device = run('losetup', '--find', '--show', disk.#image).trim()
    disk.#share()
    disk.mount()
    return disk
  }

  /**
   * Whoever makes a mount namespace meanwhile (ip netns exec) takes a copy of the mount along, and the file system would
   * live on in it as it was: powerless. Below a shared mount the copy goes with the original.
   */
  #share(): void {
    run('mount', '--bind', this.#place, this.#place)
    this.#isShared = true
    run('mount', '--make-shared', this.#place)
  }

  mount(): void {
    // A file system that finds an error goes read-only by itself, as the installers of Debian and Ubuntu set it up.
    run('mount', '-o', 'errors=remount-ro', this.#device, this.#place)
    this.#isMounted = true
  }

  unmount(): void {
    run('umount', this.#place)
    this.#isMounted = false
  }

  /** What an engineer does with a broken file system. Fails while anybody holds a file of it. */
  repair(): void {
    this.unmount()
    const { status } = spawnSync('fsck.ext4', ['-y', '-f', this.#device], { stdio: 'ignore' })
    if (status === null || status > 1) throw new Error(`fsck.ext4 ended with ${status}`)
    this.mount()
  }

  /** From this moment nothing reaches the disk, and what was not flushed is gone. */
  cutPower(): void {
    const handle = join(this.#place, 'handle')
    writeFileSync(handle, '')
    const code = `open(my $f, '<', $ARGV[0]) or die $!; my $flag = pack('L', ${NO_LOG_FLUSH}); ioctl($f, ${SHUTDOWN}, $flag) or die $!`
    run('perl', '-e', code, handle)
  }

  /** The kernel finds an error in the file system and makes it read-only. */
  breakFileSystem(): void {
    writeFileSync(`/sys/fs/ext4/${this.#device.replace('/dev/', '')}/trigger_fs_error`, 'a fault test')
  }

  /** Takes all the room there is. */
  fill(): void {
    const file = openSync(join(this.#place, 'filler'), 'w')
    try {
      for (const size of [MIB, 4096]) {
        const zeros = Buffer.alloc(size)
        try {
          for (;;) if (writeSync(file, zeros) < size) break
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
        }
      }
    } finally {
      closeSync(file)
    }
  }

  /** Octets that a program may still write. */
  get free(): number {
    const { bavail, bsize } = statfsSync(this.#place)
    return bavail * bsize
  }

  /** Gives the room back. */
  empty(): void {
    rmSync(join(this.#place, 'filler'), { force: true })
  }

  #remove(): void {
    const quietly = (program: string, ...words: string[]): unknown => spawnSync(program, words, { stdio: 'ignore' })
    if (this.#isMounted) quietly('umount', '--lazy', this.#place)
    if (this.#isShared) quietly('umount', '--lazy', this.#place)
    if (this.#device !== '') quietly('losetup', '--detach', this.#device)
    rmSync(this.#image, { force: true })
  }
}

/**
 * Makes system calls of a running process fail or wait.
 * @param fault such as `error=EIO` or `delay_exit=200000` (microseconds)
 * @returns ends it
 */
export async function inject(t: Test, pid: number, calls: string, fault: string): Promise<() => Promise<void>> {
  const words = ['-f', '-e', `trace=${calls}`, '-e', `inject=${calls}:${fault}`, '-o', '/dev/null', '-p', String(pid)]
  const tracer = spawn('strace', words, { stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = once(tracer, 'exit')
  const end = async (): Promise<void> => {
    if (tracer.exitCode === null && tracer.signalCode === null) tracer.kill('SIGINT')
    await ended
  }
  t.teardown(end)
  let said = ''
  const attached = new Promise<void>(resolve => {
    tracer.stderr.on('data', piece => {
      said += String(piece)
      if (said.includes('attached')) resolve()
    })
  })
  const gone = ended.then(() => {
    throw new Error(`strace does not trace: ${said}`)
  })
  gone.catch(() => {})
  await Promise.race([attached, gone])
  return end
}
