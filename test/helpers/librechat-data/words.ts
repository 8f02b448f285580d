/** Small word lists, one a script. `joiner` stands between words, `stop` ends a sentence. */
export interface Language {
  readonly name: string;
  readonly words: readonly string[];
  readonly joiner: string;
  readonly stop: string;
  /** Share of messages written in it, of 1. */
  readonly share: number;
}

const split = (text: string): readonly string[] => text.trim().split(/\s+/u);

/** English carries 60 % of the messages; the rest is not ASCII. */
export const LANGUAGES: readonly Language[] = [
  {
    name: 'english',
    share: 0.6,
    joiner: ' ',
    stop: '.',
    words:
      split(`the a of to and we you this that which because when each every query index table stream record batch value
      function returns waits reads writes closes opens cache memory server client request answer order time date count total
      first last next other small large fast slow safe wrong right simple better please could should would can will not only
      also then before after between inside without report budget meeting travel recipe garden letter summary draft version`),
  },
  {
    name: 'emoji',
    share: 0.07,
    joiner: ' ',
    stop: '!',
    words:
      split(`great thanks 🎉 that works 👍🏽 perfectly let us try 🚀 again tomorrow 👩‍💻 and deploy 🇫🇷 the fix ☕ before lunch 🤔
      maybe not 😅 today ✅ done 🧵 threads look good 👨‍👩‍👧‍👦 family trip 🏔️ photos 📎 attached`),
  },
  {
    name: 'european',
    share: 0.13,
    joiner: ' ',
    stop: '.',
    words:
      split(`für über möglich Größe schön Straße Änderung zurück où déjà élève café naïve garçon hôtel été señor mañana
      información también corazón año więc źródło łódź świat přiliš žluťoučký kůň ação coração não está där går något smörgås
      den als aus mit von que para pero dans pour avec nous`),
  },
  {
    name: 'cyrillic',
    share: 0.05,
    joiner: ' ',
    stop: '.',
    words:
      split(`привет можно нужно данные таблица запрос ответ время порядок сервер память ошибка файл письмо отчёт почему
      когда если после быстро просто ещё раз спасибо пожалуйста объясни подробнее`),
  },
  {
    name: 'arabic',
    share: 0.05,
    joiner: ' ',
    stop: '؟',
    words:
      split(`مرحبا كيف يمكن قراءة البيانات من الملف ثم كتابة النتيجة في الجدول شكرا جزيلا لماذا هذا الخطأ يظهر عند التشغيل
      السؤال الجواب الوقت الذاكرة الخادم`),
  },
  {
    name: 'chinese-japanese',
    share: 0.08,
    joiner: '',
    stop: '。',
    words:
      split(`你好 请问 如何 读取 数据 文件 然后 写入 表格 谢谢 为什么 出现 错误 服务器 内存 时间 顺序 简单 更快 今日は 会議 資料を
      まとめて ください ありがとう 設定 変更 確認 カタカナ テスト 𠮷野家 한국어 문장`),
  },
  {
    name: 'hindi',
    share: 0.02,
    joiner: ' ',
    stop: '।',
    words: split(`नमस्ते यह डेटा कैसे पढ़ें और फ़ाइल में लिखें धन्यवाद समय क्रम सर्वर उत्तर प्रश्न सरल तेज़ क्यों त्रुटि`),
  },
];
