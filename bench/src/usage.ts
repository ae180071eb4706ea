import { readFileSync } from 'node:fs'
import { descendants } from '@rabble/harness'

/** Units of CPU time per second on Linux (USER_HZ, 100 on all its platforms): proc(5). */
const ticksPerSecond = 100

/** Returns the CPU seconds of a process and its descendants, including those that have ended. */
export function cpuSeconds(pid: number): number {
  return [pid, ...descendants(pid)].reduce((sum, member) => sum + ticksOf(member), 0) / ticksPerSecond
}

function ticksOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // After the name, which may contain any character: state is field 3; utime, stime, cutime and cstime are 14 to 17.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0)
  } catch {
    return 0 // It has just ended. Its parent has counted it.
  }
}

/** Returns the CPU seconds of the whole machine, over all cores. */
export function machineSeconds(): number {
  // user, nice, system, idle, iowait, irq, softirq, steal
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = (
    readFileSync('/proc/stat', 'latin1').split('\n')[0] ?? ''
  )
    .split(/\s+/)
    .slice(1)
    .map(Number)
  return (user + nice + system + irq + softirq) / ticksPerSecond
}

/** Returns the memory (RSS, in MiB) of a process now, and its peak. */
export function memory(pid: number): { now: number; peak: number } {
  const mebibytes = (field: string) => Math.round(kibibytesOf(pid, field) / 1024)
  return { now: mebibytes('VmRSS'), peak: mebibytes('VmHWM') }
}

/** Returns the memory (RSS, in KiB) of a process and its descendants. */
export function residentKibibytes(pid: number): number {
  return [pid, ...descendants(pid)].reduce((sum, member) => sum + kibibytesOf(member, 'VmRSS'), 0)
}

function kibibytesOf(pid: number, field: string): number {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1')
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0)
}
