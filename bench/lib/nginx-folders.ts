// Directives that keep nginx out of the folders of the system, so that it runs for any user.
export function nginxFolders(folder: string): string {
  const modules = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return modules.map((module) => `${module}_temp_path ${folder}/temporary;`).join(' ');
}
