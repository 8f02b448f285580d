import { Option } from 'commander';

/** `--dry-run` of commands that change nothing without `--apply`: what they do anyway, for those who say it. */
export function dryRunOption(): Option {
  return new Option('--dry-run', 'only say what would be done: what happens without --apply').conflicts('apply');
}
