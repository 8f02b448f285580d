// A source that is written here, used in a YAML file.
import { z } from 'zod';

import { components, defineSource, loadPipeline, runPipeline } from '../src/index.ts';
import { folderSource } from './folder-source.ts';

const folder = defineSource({
  type: 'folder',
  summary: 'A folder of JSON files, one record a file',
  gives: 'any',
  options: z.strictObject({ path: z.string().describe('Folder to read.') }),
  create: folderSource,
});

const { plan } = await loadPipeline('./examples/data/own-component.yaml', {
  components: [...components, folder],
  environment: process.env,
});
const report = await runPipeline(plan);

console.log(`${report.status}: ${report.counts.read} read`);
