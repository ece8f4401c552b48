// All that is needed to show the server's texts in Chinese; loaded when Chinese is chosen, and only then.
import { messages } from './messages-zh-CN';
import { translator } from './message';

/** Of the C library, QEMU and libvirt, as often seen behind a message of ours. */
const foreign: Record<string, string> = {
  'No such file or directory': '没有该文件或目录',
  'Permission denied': '权限不够',
  'Operation not permitted': '不允许的操作',
  'File exists': '文件已存在',
  'Not a directory': '不是目录',
  'Is a directory': '是目录',
  'Read-only file system': '文件系统是只读的',
  'Input/output error': '输入/输出错误',
  'Too many open files': '打开的文件过多',
  'Too many levels of symbolic links': '符号链接的层数过多',
  'File too large': '文件过大',
  'Disk quota exceeded': '超出磁盘配额',
  'Cannot allocate memory': '内存不足',
  'Connection refused': '连接被拒绝',
  'Connection timed out': '连接超时',
  'Connection reset by peer': '连接被对方重置',
  'Network is unreachable': '网络不可达',
  'No route to host': '没有到主机的路由',
  'Name or service not known': '未知的名称或服务',
  'Temporary failure in name resolution': '域名解析暂时失败',
  'Broken pipe': '管道已断开',
  'libvirt gave no reason': 'libvirt 没有给出原因',
  'The server does not answer.': '服务器没有响应。',
  ': {1}': '：{1:text}',
  ', as {1}': '，即 {1}',
  'Cannot access storage file \'{1}\': {2}': '无法访问存储文件 \'{1}\'：{2:text}',
  'Domain not found: {1}': '找不到虚拟机：{1}',
  'Requested operation is not valid: {1}': '请求的操作无效：{1}',
  'internal error: {1}': '内部错误：{1}',
  'Guest agent is not responding: {1}': '来宾代理没有响应：{1}',
  'unable to connect to server at \'{1}\': {2}': '无法连接到服务器 \'{1}\'：{2:text}',
};

/** What stands in holes: nouns, their plurals, states, checks of the doctor, acts. */
const words: Record<string, string> = {
  user: '人员', users: '人员', department: '部门', departments: '部门', membership: '成员关系', memberships: '成员关系',
  managership: '主管关系', managerships: '主管关系', login: '登录', logins: '登录', template: '模板', templates: '模板',
  'template-version': '模板版本', 'template-versions': '模板版本', media: '介质', network: '网络', networks: '网络',
  address: '地址', addresses: '地址', pool: '桌面池', pools: '桌面池', entitlement: '分配', entitlements: '分配', host: '主机',
  hosts: '主机', desktop: '桌面', desktops: '桌面', connection: '会话', connections: '会话', job: '任务', jobs: '任务',
  audit: '审计日志', gate: '网关程序', manager: '部门主管', admin: '管理员', member: '人员', workbench: '安装虚拟机',

  new: '新建', deriving: '创建中', off: '已关机', starting: '启动中', preparing: '等待系统', ready: '就绪', stopping: '关机中',
  rebuilding: '重建中', deleting: '删除中', failed: '失败', active: '已启用', up: '正常', down: '失联', maintenance: '维护中',
  importing: '导入中', uploading: '上传中', checking: '校验中', open: '打开', dropped: '掉线', ended: '已结束', queued: '等待中',
  running: '进行中', done: '完成', cancelled: '已取消', serving: '服务中', draining: '正在排空', retiring: '正在退出',
  paused: '已暂停', saving: '保存中', saved: '已保存', waiting: '等待中', in: '已登录', unknown: '未知',

  staged: '第一组', rolling: '推送中', 'going-back': '回退中', 'rolled-back': '已回退', moved: '已更新', healthy: '正常',
  rollout: '版本推送', rollouts: '版本推送', 'rollout-desktop': '推送中的桌面', 'rollout-desktops': '推送中的桌面', resumed: '继续',
  boot: '虚拟机启动', disk: '磁盘', session: '测试账号的会话',

  'desktop-create': '创建桌面', 'desktop-start': '启动', 'desktop-shutdown': '关机', 'desktop-power-off': '断电',
  'desktop-reboot': '重启', 'desktop-rebuild': '重建', 'desktop-delete': '删除桌面', 'desktop-resize': '更改硬件',
  'pool-handout': '分发桌面', 'template-import': '导入镜像', 'template-version-delete': '删除版本', 'media-check': '校验介质',
  'workbench-finish': '生成版本', 'network-create': '创建网络', 'network-delete': '移除网络', doctor: '故障检查',

  versions: '模板版本', store: '数据库', storage: '存储', libvirt: 'libvirt', names: '域名', create: '创建桌面', placement: '选择主机',
  dhcp: '网络与地址', overlay: '磁盘', machine: '虚拟机', agent: '来宾代理', 'first-boot': '首次启动', access: '桌面服务',
  'gate-rdp': '经网关的 RDP', 'gate-spice': '经网关的 SPICE', certificate: '证书', clean: '整理',

  start: '启动', 'power off': '断电', vCPUs: '虚拟 CPU', memory: '内存', nothing: '空', null: '空值', number: '数字', s: '秒',
  linux: 'Linux', windows: 'Windows', 'other': '其他', 'answered': '有应答', true: '是', false: '否',
  exact: '申请票据的地址', net: '该地址所在的网络', none: '任何地址', virtio: 'virtio', standard: '标准', nat: 'NAT',
  cookie: '浏览器', bearer: '程序', 'zh-CN': '中文', en: 'English', on: '开', nobody: '无人', reset: '重设',
  'restore-point': '还原点', 'restore-points': '还原点', 'restore-point-create': '创建还原点', 'restore-point-delete': '删除还原点',
  'desktop-restore': '退回还原点', making: '创建中', nightly: '每夜', manual: '手动', 'before-restore': '退回之前',
  'checked': '检查', 'imported': '导入', 'template-check': '检查版本', 'template-verify': '校验版本', 'template-flatten': '合并版本文件',
};

/** Fields of records, settings and policies, as they stand in requests, in the audit log and in errors. */
const members: Record<string, string> = {
  min_ready: '保留的备用桌面', warm: '预热的备用桌面', power: '电源策略', desktops_used: '使用中的桌面', desktops_warm: '已预热的桌面',
  taken: '分配时间',
  accel: '加速方式', accel_reason: '加速方式的原因', access: '访问方式', act: '操作', address: '地址', addresses_total: '地址总数',
  addresses_used: '已用地址', agent: '来宾代理', agent_seen: '代理曾应答', args: '参数', attempts: '尝试次数', bootable: '可引导',
  bridge: '网桥', bytes_down: '下行字节', bytes_up: '上行字节', certificate: '证书', certificate_expires: '证书到期',
  certificate_name: '证书名称', changed: '修改时间', checksum: '校验和', cidr: '子网', client_address: '来源', columns: '列',
  cpu_model: 'CPU 型号', cpus: 'CPU', created: '创建时间', department: '部门', department_id: '部门', department_ids: '部门',
  department_name: '部门', department_names: '部门', departments: '部门', description: '说明', desktop: '桌面', desktop_id: '桌面',
  desktop_name: '桌面', desktops: '桌面数', desktops_ready: '就绪的桌面', desktops_running: '运行中的桌面', details: '详情',
  personal_disk_gib: '个人磁盘（GiB）', personal_disk_id: '个人磁盘', owner: '所有者', size_gib: '大小（GiB）', formatted: '已格式化',
  personal_quota_gib: '每人个人磁盘上限（GiB）',
  devices: '设备', disk_gib: '磁盘（GiB）', dns_name: '域名', drivers_id: '驱动介质', email: '邮箱', enabled: '启用', encoding: '编码',
  ended: '结束时间', error: '错误', error_code: '错误代码', errors: '错误数', expires: '到期', failed_logins: '登录失败次数',
  file: '文件', firmware: '固件', first_byte_ms: '首字节用时（毫秒）', first_picture_ms: '首幅画面用时（毫秒）',
  first_used: '首次使用', fixed_port: '固定端口', force: '强制', format: '格式', founded: '成立年份', fresh: '全新磁盘', gate: '网关程序',
  gateway: '网关', host: '主机', host_id: '主机', host_name: '主机', id: '标识', image: '镜像', ip: '地址', ip_number: '地址数值',
  jitter_us: '抖动（微秒）', kind: '种类', label: '卷标', language: '语言', last_login: '最后登录', last_seen: '最后活动',
  last_used: '最后使用', lease: '租约', limit: '条数', load: '负载', locked_until: '锁定至', log_in: '桌面内的登录', login_id: '登录',
  loss_ppm: '丢包（百万分之）', lost: '丢包数', mac: 'MAC 地址', managers: '主管', max_desktops: '桌面上限', media: '介质',
  media_id: '介质', member: '人员', members: '人员', memory_free_mib: '可用内存（MiB）', memory_mib: '内存（MiB）',
  min_rtt_us: '最短往返时延（微秒）', mode: '模式', must_change: '须修改密码', name: '名称', network: '网络', network_id: '网络',
  network_name: '网络', new: '新密码', newest: '最新版本', next_disk_gib: '下次启动的磁盘（GiB）',
  next_memory_mib: '下次启动的内存（MiB）', next_vcpus: '下次启动的虚拟 CPU', notes: '备注', number: '编号', object_id: '对象',
  object_kind: '对象种类', object_name: '对象', old: '当前密码', open_sessions: '打开的会话', os: '系统', os_type: '系统种类',
  outcome: '结果', parent_id: '上级任务', password: '密码', path: '路径', placement: '安排', policy: '会话策略', pool: '桌面池',
  pool_id: '桌面池', pool_name: '桌面池', pools: '桌面池', prepared: '已准备', progress: '进度', protocol: '协议', queue_us: '排队时间（微秒）',
  range_first: '起始地址', range_last: '结束地址', rate: '速率', ready_at: '就绪时间', reason: '原因', received_bytes: '已收字节',
  redeems: '重新连接次数', request_id: '请求编号', reserve_mib: '保留内存（MiB）', result: '结果', role: '角色', rows: '行数',
  rtt_us: '往返时延（微秒）', score: '评分', score_reason: '评分原因', search: '搜索', seconds: '秒数', seen: '最后联系', since: '自', server_us: '桌面时延（微秒）',
  sessions: '会话', sha256: 'SHA-256', size_bytes: '大小（字节）', sockets: '连接数', sort: '排序', source: '来源', started: '开始时间',
  state: '状态', step: '步骤', step_number: '步骤序号', steps: '步骤数', storage_bytes: '存储（字节）',
  storage_free_bytes: '可用存储（字节）', template: '模板', template_id: '模板', template_name: '模板', template_number: '模板版本',
  template_version_id: '模板版本', time: '时间', tpm: 'TPM', uid: '用户号', unit: '单位', upload: '上传', uri: 'libvirt 地址', user: '人员',
  user_enabled: '账户启用', user_id: '人员', user_ids: '人员', user_name: '姓名', username: '用户名', uuid: 'UUID',
  vcpu_ratio: '每个物理 CPU 的虚拟 CPU 数', vcpus: '虚拟 CPU', version: '版本', versions: '版本数', version_id: '模板版本',
  ram_image: '内存映像', ram_vcpus: '内存映像的虚拟 CPU', ram_memory_mib: '内存映像的内存（MiB）', ram_made: '内存映像制作时间',
  ram_error: '内存映像的错误', instant: '即时启动',
  virtual_bytes: '虚拟大小（字节）', vlan: 'VLAN 标签', vni: 'VXLAN 编号', isolated: '桌面相互隔离', repaired: '上次修复', repaired_at: '修复时间', wanted: '期望状态', workbench_id: '安装虚拟机', worker: '执行者',

  keep_hours: '保留小时数', left_image: '换下的镜像',
  replace_system_disks: '允许替换系统盘', session: '测试账号的会话',
  share: '先更新的百分比',

  audio: '声音', balloon_free_pages: '归还未用内存', clipboard: '剪贴板', drives: '磁盘', idle_notice_seconds: '断开前提醒的秒数',
  idle_seconds: '无操作断开的秒数', multimon: '多显示器', printers: '打印机', ready_seconds: '启动允许的秒数', serial: '串口',
  note: '备注', frozen: '文件系统静止', system: '系统盘',
  restore_nightly: '保留的每夜还原点数', restore_hour: '创建还原点的钟点', restore_by_person: '本人可使用还原点',
  shutdown_seconds: '关机允许的秒数', smartcards: '智能卡', usb: 'USB 设备',

  lock_after: '连续输错密码的次数', lock_seconds: '锁定时长（秒）', login_idle_seconds: '登录闲置时长（秒）',
  login_max_seconds: '登录最长有效期（秒）', max_starts: '可同时启动的桌面数', media_quota_gib: '介质库上限（GiB）',
  password_min: '密码最少字符数',

  author: '制作者', depth: '文件层数', workbenches: '工作台数', disk_bytes: '占用磁盘（字节）', desktops_bytes: '桌面占用磁盘（字节）', parent_number: '来源版本号',
  damage: '损坏情况', checked: '上次校验', template_chain_max: '版本最多文件数', template_scrub_days: '版本重新校验间隔（天）', shutdown: '先关机',
  follow: '跟随版本的方式', rollout: '推送设置', target_version_id: '目标版本', from_version_id: '原版本', to_version_id: '新版本',
  from_number: '原版本号', to_number: '新版本号', plan: '推送计划', resumes: '继续时的状态', forgiven: '已忽略的失败', keep_until: '旧盘保留至',
  total: '总数', moved: '已更新', healthy: '正常', failed: '失败', kept: '保留的旧盘', rollout_id: '推送', stage: '阶段', tried: '尝试时间',
  desktop_state: '桌面状态',
};

export const said = translator({ messages: { ...foreign, ...messages }, words, members });
/** For tests. */
export const tables = { foreign, messages, words, members };
