import { posix } from 'node:path'

import { areas, confined, publicEntries, typeOnlyEntries } from './ladder.js'
import { isTest, matches } from './paths.js'

/**
 * @typedef {{ name: string, files: string[], apart?: boolean, typesOnly?: boolean,
 *   takesTypes?: boolean, typeReaders?: string[], onlyPackages?: string[] }} Rung
 * @typedef {{ rung: Rung, level: number, folder: string }} Place
 * @typedef {{ path: string, inSrc: string | undefined, area: any, test: boolean, place: Place | undefined }} Importer
 */

/**
 * Where a file stands: its area, its path below `src/`, its rung.
 * @param {string} path inside the workspace
 * @returns {Importer}
 */
export function locate(path) {
  const area = areas.find(({ at }) => path.startsWith(`${at}/`))
  const src = area && `${area.at}/src/`
  const inSrc = src && path.startsWith(src) ? path.slice(src.length) : undefined
  const place = area?.rungs && inSrc ? placeOf(inSrc, area.rungs) : undefined
  return { path, inSrc, area, test: isTest(path), place }
}

/**
 * A test stands on the rung of the file it is named after.
 * @param {string} inSrc
 * @param {Rung[][]} rungs
 * @returns {Place | undefined}
 */
function placeOf(inSrc, rungs) {
  const subject = inSrc.replace(/\.(test|test-d|fixture)\.ts$/, '.ts')
  for (const [level, siblings] of rungs.entries()) {
    const rung = siblings.find(({ files }) => matches(subject, files))
    if (rung) return { rung, level, folder: inSrc.split('/').slice(0, -1)[1] ?? '' }
  }
  return undefined
}

/**
 * Why one import is refused, with what to do instead; undefined when it is allowed.
 * @param {Importer} from
 * @param {string} specifier
 * @param {boolean} typeOnly
 */
export function refusal(from, specifier, typeOnly) {
  if (specifier.startsWith('.')) return relativeRefusal(from, specifier, typeOnly)
  return workspaceRefusal(from, specifier, typeOnly) ?? packageRefusal(from, specifier)
}

/**
 * @param {Importer} from
 * @param {string} specifier
 * @param {boolean} typeOnly
 */
function relativeRefusal(from, specifier, typeOnly) {
  if (!from.area) return undefined
  const path = posix.join(posix.dirname(from.path), specifier).replace(/\.js$/, '.ts')
  if (!path.startsWith(`${from.area.at}/`)) {
    return `'${specifier}' leaves ${from.area.at}. Import the other package by its name and public entry.`
  }
  if (!from.place) return undefined
  if (from.place.rung.onlyPackages && !from.test) return onlyPackages(from.place.rung)
  const to = locate(path)
  if (!to.place) {
    return `'${specifier}' stands on no rung of tools/lint/ladder.js. Move it to a folder that has one.`
  }
  return stepRefusal(from, to, typeOnly)
}

/**
 * One step on the ladder of a single package.
 * @param {Importer} from
 * @param {Importer} to
 * @param {boolean} typeOnly
 */
function stepRefusal(from, to, typeOnly) {
  const [here, there] = [from.place, to.place]
  if (!here || !there) return undefined
  const [a, b] = [here.rung, there.rung]
  if (from.test && from.area.forTests?.rungs.includes(b.name)) return undefined
  if (a === b && !a.apart) return undefined
  if (typeOnly && b.typeReaders?.includes(a.name)) return undefined
  if (here.level > there.level) {
    return `${a.name} is below ${b.name}, and imports run down only. Move what both need to ${a.name} or lower, or take it as an argument.`
  }
  if (here.level === there.level && (a !== b || (a.apart && here.folder !== there.folder))) {
    return `${label(here)} and ${label(there)} are siblings. Move what both need to a rung below ${a.name}.`
  }
  if (typeOnly) return undefined
  if (a.takesTypes && !from.test) {
    return `${a.name} takes only types from below. Write 'import type'.`
  }
  if (a.typesOnly || b.typesOnly) {
    return `${(a.typesOnly ? a : b).name} holds types only. Write 'import type'.`
  }
  return undefined
}

/** @param {Place} place */
function label({ rung, folder }) {
  return rung.apart && folder ? `${rung.name}/${folder}` : rung.name
}

/** @param {Rung} rung */
function onlyPackages({ name, onlyPackages: allowed = [] }) {
  return `${name} import ${allowed.join(', ')} only: they must run unchanged after the code has moved on. Copy what you need.`
}

/**
 * @param {Importer} from
 * @param {string} specifier
 * @param {boolean} typeOnly
 */
function workspaceRefusal({ area, test, place }, specifier, typeOnly) {
  if (!specifier.startsWith('@tautline/')) return undefined
  if (!publicEntries.includes(specifier)) {
    return `'${specifier}' is no public entry. Import one of: ${publicEntries.join(', ')}.`
  }
  if (typeOnlyEntries.includes(specifier) && !typeOnly) {
    return `'${specifier}' holds types only. Write 'import type'.`
  }
  if (!area) return undefined
  const allowed = [
    ...area.mayImport,
    ...((place && area.rungImports?.[place.rung.name]) ?? []),
    ...((test && area.forTests?.packages) || []),
  ]
  if (allowed.includes(specifier)) return undefined
  const list = allowed.length > 0 ? allowed.join(', ') : 'no workspace package'
  return `${place ? `${area.at} (${place.rung.name})` : area.at} may not import '${specifier}', it may import ${list}. Move what both need down, or pass it in.`
}

/**
 * @param {Importer} from
 * @param {string} specifier
 */
function packageRefusal({ area, inSrc, test, place }, specifier) {
  if (!area || inSrc === undefined) return undefined
  const isOf = (/** @type {string} */ name) =>
    specifier === name || specifier.startsWith(`${name}/`)
  if (!test && place?.rung.onlyPackages && !place.rung.onlyPackages.some(isOf)) {
    return onlyPackages(place.rung)
  }
  if (!test && area.never?.some((/** @type {string} */ prefix) => specifier.startsWith(prefix))) {
    return `${area.at} runs in browsers too: no '${specifier}'. Use what the web platform has, or take it as an argument.`
  }
  const rule = confined.find(({ name, area: at }) => at === area.at && isOf(name))
  if (!rule || matches(inSrc, rule.only)) return undefined
  return `'${rule.name}' belongs to ${rule.only.filter((path) => !path.startsWith('**')).join(', ')}: ${rule.instead}.`
}
