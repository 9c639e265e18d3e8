/** What every table says. */
export const table = {
  "table.nothing": ["没有内容", "Nothing here"],
  "table.filtered": ["没有符合条件的事项，可清除筛选", "No match; clear the filters"],
  "table.outside": ["未找到此事项，或不在您的查看范围内", "Not found, or outside your scope"],
  "table.clear": ["清除筛选", "Clear the filters"],
  "table.more": ["再显示一页", "One more page"],
  "table.total": ["共{total}件", "{total} in all"],
  "table.shown": ["已显示{shown}件，共{total}件", "{shown} of {total} shown"],
} as const;
