// Finds the function that `_HANDLER` names: `folder/file.export`, the export possibly nested (`file.object.method`).
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { HandlerError } from './errors.mjs';
import { installGlobal } from './streaming.mjs';

const require = createRequire(import.meta.url);

/** The nearest package.json decides what a .js file is; a node_modules folder on the way ends the search. */
function isModuleFolder(folder) {
  if (path.basename(folder) === 'node_modules') return false;
  const file = path.join(folder, 'package.json');
  if (fs.existsSync(file)) {
    try {
      return JSON.parse(fs.readFileSync(file))?.type === 'module';
    } catch (error) {
      console.warn(`${file} cannot be read, it will be ignored for ES module detection purposes.`, error);
      return false;
    }
  }
  return folder !== '/' && isModuleFolder(path.dirname(folder));
}

async function loadModule(root, folder, name) {
  const base = path.resolve(root, folder, name);
  const script = isModuleFolder(path.dirname(base)) ? importFile : require;
  const candidates = [['', require], ['.js', script], ['.mjs', importFile], ['.cjs', require]];
  for (const [end, load] of candidates) {
    if (fs.existsSync(base + end) && fs.statSync(base + end).isFile()) return load(base + end);
  }
  // A package, as a layer may bring one.
  return require(require.resolve(name, { paths: [root, path.resolve(root, folder)] }));
}

const importFile = (file) => import(pathToFileURL(file).href);

async function loadApplication(root, folder, name) {
  try {
    return await loadModule(root, folder, name);
  } catch (error) {
    if (error instanceof SyntaxError) throw new HandlerError('UserCodeSyntaxError', error);
    if (error?.code === 'MODULE_NOT_FOUND') throw new HandlerError('ImportModuleError', error);
    throw error;
  }
}

function split(text) {
  if (text.includes('..')) {
    throw new HandlerError('MalformedHandlerName',
      `'${text}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`);
  }
  const base = path.basename(text);
  const dot = base.indexOf('.');
  if (dot < 0) throw new HandlerError('MalformedHandlerName', 'Bad handler');
  return { folder: text.slice(0, text.indexOf(base)), name: base.slice(0, dot), property: base.slice(dot + 1) };
}

export async function loadHandler(root, text) {
  const { folder, name, property } = split(text);
  installGlobal();
  const application = await loadApplication(root, folder, name);
  const handler = property.split('.').reduce((object, key) => object && object[key], application);
  if (!handler) throw new HandlerError('HandlerNotFound', `${text} is undefined or not exported`);
  if (typeof handler !== 'function') throw new HandlerError('HandlerNotFound', `${text} is not a function`);
  return handler;
}
