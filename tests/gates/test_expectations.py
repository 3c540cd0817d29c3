"""Every expectation holds of good tables and is seen to fail."""

import json
from pathlib import Path

import duckdb
import pytest
from sound_tables import GOOD, only

from dagster_project.gates import suites
from dagster_project.release.store import TOLD

# What is broken, and the start of the sentence that must then say so. Keyed by table.
BREAKS = {
    "raw.schools": {
        "insert into raw.implausible_cell values ('liaocheng', 2023, 'f', 3, 'schools', '“金额”为1', '金额')": "没有相差十倍",
        "delete from raw.schools where school_year = 2022": "报了别的表的地区学年，学校表至少有一行",
        "update raw.schools set school_name = null": "学校名称没有空值",
        "update raw.schools set county_code = null where school_id = 's1'": "县级行政区划代码没有空值",
        "update raw.schools set primary_pupils = 0": "每个地区学年都有在校生",
        "update raw.schools set county_code = school_id": "县代码不与学校一一对应",
        "update raw.schools set primary_full_time_teachers = 1": "生师比",
        "delete from raw.schools where school_year = 2023 and school_id in ('s0', 's3', 's6')": "各县学校数",
    },
    "raw.teachers": {
        "insert into raw.implausible_cell values ('liaocheng', 2023, 'f', 3, 'teachers', '“金额”为1', '金额')": "没有相差十倍",
        "update raw.teachers set school_id = null": "教师所在学校没有空值",
        "update raw.teachers set annual_pay_yuan = 9.6": "半数以上教师(至少 10 人时)的年工资",
        "update raw.teachers set birth_year = 2010": "半数以上教师(至少 10 人时)的年龄",
        "update raw.teachers set training_hours_5y = 96000": "半数以上教师(至少 10 人时)的五年培训",
        "update raw.teachers set school_id = 's1'": "500 名以上教师",
        "insert into raw.teachers select t.* from raw.teachers as t, range(3)": "教师名册不超过",
        "delete from raw.teachers where school_year = 2023 and teacher_id like '%1%'": "教师名册行数",
    },
    "raw.classes": {
        "update raw.classes set pupils = null": "班级学生数没有空值",
        "update raw.classes set pupils = 1": "平均班额",
        "update raw.classes set pupils = 0 where class_no::int % 3 > 0": "空班",
        "update raw.classes set school_id = 's1'": "300 个以上班级",
        "insert into raw.classes select c.* from raw.classes as c, range(2)": "班级学生合计",
        "delete from raw.classes where school_year = 2023 and class_no < '3'": "班级名册行数",
    },
    "raw.rooms": {
        "update raw.rooms set area_m2 = null": "专用教室面积没有空值",
        "update raw.rooms set area_m2 = area_m2 * 10": "专用教室面积的中位数",
        "update raw.rooms set school_id = 's1'": "60 间以上专用教室",
        "delete from raw.rooms where school_year = 2023 and school_id < 's2'": "专用教室行数比上年减少不到 30%",
    },
    "raw.funding": {
        "insert into raw.implausible_cell values ('liaocheng', 2023, 'f', 3, 'funding', '“金额”为1', '金额')": "没有相差十倍",
        "update raw.funding set amount_yuan = null": "金额没有空值",
        "update raw.funding set entity_id = '0' || entity_id": "单位代码至少有一个",
        "update raw.funding set amount_yuan = 1 where item like 't%'": "半数以上单位(至少 5 个时)的支出合计",
        "update raw.funding set amount_yuan = 1e10 where account = 'final'": "同一单位同一项目决算",
        "delete from raw.funding where school_year = 2023 and account = 'budget'": "经费行数",
        "update raw.funding set fiscal_year = school_year + 1": "半数以上的经费",
    },
    "raw.scores": {
        "update raw.scores set score = null": "成绩没有空值",
        "update raw.scores set score = 'nan' where school_id = 's1'": "成绩是有限的数",
        "update raw.scores set score = 60": "30 名以上学生",
        "update raw.scores set score = score * 100 where school_id = 's1'": "同一年级科目的最高分",
        "update raw.scores set school_id = 's1'": "5,000 份以上成绩",
        "delete from raw.scores where school_year = 2023 and school_id < 's2'": "成绩行数比上年减少不到 30%",
        "insert into raw.scores select s.* from raw.scores as s, range(3) where school_id = 's7'": "一校一个学段同一科目的成绩数",
    },
    "raw.facts": {
        "update raw.facts set value = null": "事实的值没有空值，列为读不出的单元格的除外",
        "update raw.facts set fact_id = 12": "事实编号不全是数字",
        "update raw.facts set entity_id = '371500000'": "县级事实的单位代码",
        "update raw.facts set entity_id = '0s1'": "校级事实的单位代码",
        "delete from raw.facts where school_year = 2023 and entity_type = 'school'": "事实行数比上年减少不到 30%",
    },
    "marts.fct_school_stage": {
        "update marts.fct_school_stage set school_year = 2022": "报送了小学或初中在校生的地区学年",
        "update marts.fct_school_stage set stage = '小学'": "学段只有",
        "update marts.fct_school_stage set resource_share = 1.1": "共用资源分摊比例",
        "update marts.fct_school_stage set pupils = 30000": "一校一学段在校生数",
    },
    "marts.fct_school_indicator": {
        "update marts.fct_school_indicator set pupils = 0": "在评估范围内的学校学段都有在校生",
        "update marts.fct_school_indicator set stage = 'senior'": "学段只有",
        "update marts.fct_school_indicator set indicator_id = 'R1'": "指标编号",
        "update marts.fct_school_indicator set value = 'inf'": "指标值是非负有限数",
        "update marts.fct_school_indicator set is_met = false": "没有指标值或没有标准时",
        "update marts.fct_school_indicator set value = value * 10000": "生均教学仪器设备值",
    },
    "marts.mart_county_balance": {
        "update marts.mart_county_balance set difference_coefficient = 'nan'": "差异系数在",
        "update marts.mart_county_balance set gini = 1.2": "基尼系数",
        "update marts.mart_county_balance set theil = -0.1": "泰尔指数",
        "update marts.mart_county_balance set mcloone = 1.2": "麦克龙指数",
        "update marts.mart_county_balance set mean_log_deviation = -0.1": "平均对数离差",
        "update marts.mart_county_balance set met_school_share = 80": "达标率（按学校）",
        "update marts.mart_county_balance set is_met = null": "有差异系数和限值",
        "update marts.mart_county_balance set school_count = 1": "学校不足两所时",
        "update marts.mart_county_balance set difference_coefficient = null": "没有差异系数时说明原因",
    },
    "marts.mart_variance_share": {
        "update marts.mart_variance_share set variance_share = 1.2": "一校对差异的贡献",
        "update marts.mart_variance_share set coefficient_without = -1": "去掉一校后的差异系数",
        "update marts.mart_variance_share set stage = 'senior'": "学段只有",
        "update marts.mart_variance_share set indicator_id = 'books_per_pupil'": "差异贡献只分给",
        "update marts.mart_variance_share set direction = '高于'": "方向只有",
        "update marts.mart_variance_share set variance_rank = 1": "名次从 1 排到",
    },
    "marts.mart_area_balance": {
        "update marts.mart_area_balance set area_level = 'county'": "层级只有",
        "update marts.mart_area_balance set difference_coefficient = 'nan'": "各单位之间的差异系数",
        "update marts.mart_area_balance set met_pupil_share = 80": "达标率在",
        "update marts.mart_area_balance set difference_coefficient = null": "不可比较时说明",
    },
    "marts.mart_county_change": {
        "update marts.mart_county_change set common_coefficient = -1": "同一批学校的差异系数",
        "update marts.mart_county_change set gone_school_count = -1": "共同、新增、退出",
        "update marts.mart_county_change set common_coefficient = null": "同一批学校不可比较",
    },
    "marts.mart_achievement_gap": {
        "update marts.mart_achievement_gap set difference_rate = 12, ci_high = 40": "校际差异率的估计",
        "update marts.mart_achievement_gap set ci_low = 0.2": "估计在置信区间",
        "update marts.mart_achievement_gap set difference_rate = null": "不作估计时说明",
    },
    "marts.mart_gap_plan": {
        "update marts.mart_gap_plan set units_to_floor = 21": "补到 85%",
        "insert into marts.mart_gap_plan from marts.mart_gap_plan": "一校一学段最多一项",
        "update marts.mart_gap_plan set pass_units = null": "有数据的都有计划",
    },
    "marts.mart_plan_step": {
        "update marts.mart_plan_step set price_basis = null": "每一步都有办法和单价",
        "update marts.mart_plan_step set cost_yuan = 30": "数量都大于0，费用等于",
        "update marts.mart_plan_step set from_school_id = null": "调配写明从哪所学校调",
        "insert into marts.mart_plan_step from marts.mart_plan_step": "一校一学段的招聘只列",
        "update marts.mart_plan_step set cost_kind = '每月'": "费用只有一次性",
    },
    "marts.mart_county_outlay": {
        "update marts.mart_county_outlay set cost_yuan = null": "每种办法都有费用",
        "update marts.mart_county_outlay set units = 0": "数量不少于学校数",
        "update marts.mart_county_outlay set price_basis = '大概'": "单价写明是示例还是",
    },
    "marts.mart_county_plan": {
        "update marts.mart_county_plan set failed_school_count_after = 1": "计划实施后没有不通过",
        "update marts.mart_county_plan set yearly_yuan = -1": "费用不为负",
        "update marts.mart_county_plan set remaining = '小学'": "仍超过限值",
    },
    "marts.mart_county_gap": {
        "update marts.mart_county_gap set coefficient_after = 0.5001": "补足后差异系数",
        "update marts.mart_county_gap set coefficient_after = null": "没有差异系数计划",
        "update marts.mart_county_gap set raised_school_count = 0": "要增加的数量不为负",
    },
    "marts.mart_transfer_plan": {
        "update marts.mart_transfer_plan set coefficient_after = 0.5001": "调配后差异系数",
        "update marts.mart_transfer_plan set least_coefficient = 0.51": "只靠调配能到的",
        "update marts.mart_transfer_plan set teachers_moved = null": "没有调配方案",
        "update marts.mart_transfer_plan set status = '最优'": "调配结论只有",
    },
    "marts.mart_transfer_move": {
        "update marts.mart_transfer_move set teachers = 0": "每一笔调配至少",
        "update marts.mart_transfer_move set to_school_id = from_school_id": "一校一学段一项指标不既",
        "update marts.mart_transfer_move set teachers = 2": "一县的调配合计",
    },
    "marts.mart_layout_option": {
        "update marts.mart_layout_option set excess_pupils = pupils + 1": "办法只有登记的几种",
        "update marts.mart_layout_option set moved_pupils = 21 where lever = 'divert'": "接收学校不是本校",
        "update marts.mart_layout_option set unplaced_pupils = 0": "转到各校的加上没有学校能收的",
        "update marts.mart_layout_option set null_reason = null": "没有接收学校、算不出",
        "update marts.mart_layout_option set county_code = '371509'": "接收学校在同一个县",
    },
    "marts.mart_school_verdict": {
        "delete from marts.mart_school_verdict where school_id = 's1'": "在评估范围内的学校学段都有判定",
        "update marts.mart_school_verdict set stage = 'senior'": "学段只有",
        "update marts.mart_school_verdict set met_count = 8": "达标指标数",
        "update marts.mart_school_verdict set is_passed = null": "未通过或无法判定的学校",
    },
    "marts.mart_county_verdict": {
        "delete from marts.mart_county_verdict": "有学校的县都有判定",
        "update marts.mart_county_verdict set verdict = '达标'": "整县结论",
        "update marts.mart_county_verdict set resource_verdict = '达标'": "资源配置结论",
        "update marts.mart_county_verdict set reasons = null": "未达标或无法判定的县",
        "update marts.mart_county_verdict set coefficient_count = 15": "判定的差异系数",
        "update marts.mart_county_verdict set missing_school_count = 1": "缺学校的县不判为达标",
        "update marts.mart_county_verdict set open_requirement_count = 0": "达标的县一条不差",
    },
    "marts.mart_completeness": {
        "update marts.mart_completeness set rejected_school_count = 0": "应报的学校不少于已报的",
        "update marts.mart_completeness set reason = null": "不完整的都说明缺什么",
        "delete from marts.mart_completeness where extract = 'classes'": "每个县四种报表各一行",
    },
    "marts.mart_filing": {
        "update marts.mart_filing set status = 'missing'": "没有收到的都说明为什么",
        "update marts.mart_filing set status = 'lost', reason = 'x'": "报送情形只有四种",
        "update marts.mart_filing set status = 'late'": "迟报的都在截止以后到达",
    },
    "marts.mart_notice": {
        "update marts.mart_notice set subject = null": "每件事都写明是哪个文件",
        "update marts.mart_notice set notice = ' '": "每件事都说明怎么了",
        "update marts.mart_notice set kind = 'lost'": "版本里的事只有四种",
    },
    "marts.mart_missing_school": {
        "update marts.mart_missing_school set reason = ' '": "缺的学校都说明是哪一所",
        "update marts.mart_missing_school set kind = 'lost'": "缺失情形只有五种",
        "update marts.mart_missing_school set school_key = null": "缺的学校都有标识",
    },
    "marts.mart_unread_cell": {
        "update marts.mart_unread_cell set source_file = null": "读不出的单元格都指明文件",
        "update marts.mart_unread_cell set column_zh = null": "读不出的单元格都指明列和原因",
        "update marts.mart_unread_cell set original = '371502198801011234'": "原因和原文中没有",
    },
    "marts.mart_application_form": {
        "update marts.mart_application_form set form_table = 'Ⅶ'": "申报表只有六张表",
        "update marts.mart_application_form set value = null, shown = null": "没有填的格都说明",
        "update marts.mart_application_form set value = 'inf'": "填的数是非负有限数",
        "update marts.mart_application_form set shown = null, missing = '缺'": "有值的格都填了字",
    },
    "marts.mart_application_form_school": {
        "delete from marts.mart_application_form_school where school_id = 's1'": "有判定的学校学段都列入",
        "update marts.mart_application_form_school set backbone_teachers_per_100 = 101": "每百名学生骨干教师数",
        "update marts.mart_application_form_school set remark = null": "每一行都有备注",
    },
    "marts.mart_school_criterion": {
        "update marts.mart_school_criterion set is_met = null": "无法判定的依据都说明",
        "update marts.mart_school_criterion set is_met = false, is_eased = true": "只因过渡条款而达到的也是",
        "update marts.mart_school_criterion set value = 'nan'": "学校的值是有限数",
    },
    "marts.mart_self_assessment": {
        "update marts.mart_self_assessment set rooms_verdict = '是'": "是否达标只有四种",
        "update marts.mart_self_assessment set size_verdict = null": "无法判定的项目都说明",
        "delete from marts.mart_self_assessment where school_id = 's1'": "有判定的学校都有自评表",
    },
    "marts.mart_county_reason": {
        "update marts.mart_county_reason set reason_no = 0": "原因从第1条数起",
        "update marts.mart_county_reason set reason = null": "每条原因都写明",
        "update marts.mart_county_reason set figure = limit_value": "说超过限值的，差异系数大于限值",
    },
    "marts.mart_county_explanation": {
        "update marts.mart_county_explanation set sentence_no = 13": "一个县不超过12句",
        "update marts.mart_county_explanation set sentence = '达到'": "每句都写完整",
        "update marts.mart_county_explanation set sentence = '降到nan。'": "句中的数",
    },
    "marts.mart_county_action": {
        "update marts.mart_county_action set kind = 'buy'": "要做的只有六类",
        "update marts.mart_county_action set sentence = '招聘1人'": "每条都写完整",
        "update marts.mart_county_action set sentence = '共nan万元。'": "句中的数",
        "delete from marts.mart_county_action": "没有达标的县都写明",
    },
    "marts.mart_standard_item": {
        "update marts.mart_standard_item set part = '政府'": "部分只有",
        "update marts.mart_standard_item set reason = null": "未达到或无法判定的都说明",
        "update marts.mart_standard_item set areas_met = 2": "达到与未达到的不多于",
    },
    "marts.mart_alternative_reading": {
        "update marts.mart_alternative_reading set alternative_zh = null": "写明与现行读法不同的地方",
        "update marts.mart_alternative_reading set alternative_is_met = null": "无法判定的另一种读法说明原因",
        "update marts.mart_alternative_reading set is_turned = false": "两边不一样的，就是相反",
    },
    "marts.mart_item_verdict": {
        "update marts.mart_item_verdict set part = '政府'": "部分只有",
        "delete from marts.mart_item_verdict where item_id = 'X33'": "每个县的优质均衡条目齐备",
        "update marts.mart_item_verdict set reason = null": "未达到或无法判定的条目都说明",
    },
    "marts.mart_region_verdict": {
        "update marts.mart_region_verdict set not_met_count = 1": "整县达标、未达标、无法判定的县合计",
        "update marts.mart_region_verdict set resource_not_met_count = 1": "资源配置达标、未达标、无法判定的县合计",
        "update marts.mart_region_verdict set met_count = 4, not_evaluable_count = county_count - 4": "整县达标的不多于",
    },
    "marts.mart_basic_balance": {
        "update marts.mart_basic_balance set stage = 'senior'": "学段只有",
        "update marts.mart_basic_balance set difference_coefficient = 'nan'": "基本均衡的差异系数",
        "update marts.mart_basic_balance set difference_coefficient = null": "没有差异系数时说明原因",
    },
    "marts.mart_basic_balance_verdict": {
        "update marts.mart_basic_balance_verdict set verdict = '达标'": "基本均衡结论",
        "update marts.mart_basic_balance_verdict set coefficient_verdict = '达标'": "差异系数结论",
        "update marts.mart_basic_balance_verdict set primary_mean_coefficient = -1": "差异系数平均值",
        "update marts.mart_basic_balance_verdict set reasons = null": "未达标或无法判定的县",
    },
    "marts.mart_indicator_trend": {
        "update marts.mart_indicator_trend set stage = 'senior'": "学段只有",
        "update marts.mart_indicator_trend set figure = 'gini'": "趋势只看",
        "update marts.mart_indicator_trend set outlook = '保持'": "展望只有",
        "update marts.mart_indicator_trend set year_count = 3": "两个学年起有预测值",
        "update marts.mart_indicator_trend set projected_value = 9999": "预测值是非负有限数",
        "update marts.mart_indicator_trend set projected_value = null, interval_low = null, interval_high = null": "没有预测值",
    },
    "marts.mart_projected_plan": {
        "update marts.mart_projected_plan set yearly_yuan = null": "高峰、低谷都有计划",
        "update marts.mart_projected_plan set one_off_yuan = -1": "高峰低谷的费用不为负",
        "update marts.mart_projected_plan set primary_year = 2023": "高峰、低谷在以后的学年",
    },
    "marts.mart_enrolment_projection": {
        "update marts.mart_enrolment_projection set stage = 'senior'": "学段只有",
        "update marts.mart_enrolment_projection set projected_pupils = 'inf'": "推算的学生数是非负有限数",
        "update marts.mart_enrolment_projection set projected_pupils = null": "没有推算时",
        "update marts.mart_enrolment_projection set is_assumed = false": "学生数据什么推出",
    },
    "marts.mart_school_funding": {
        "update marts.mart_school_funding set expenditure_per_pupil = 'inf'": "生均公用经费和",
        "update marts.mart_school_funding set public_funds_account = '决算'": "公用经费口径",
        "update marts.mart_school_funding set is_floor_met = null": "有下限和核定人数",
        "update marts.mart_school_funding set public_funds_standard_yuan = null": "缺数据的学校",
    },
    "marts.mart_county_funding": {
        "update marts.mart_county_funding set below_floor_count = 2": "未达到的学校",
        "update marts.mart_county_funding set expenditure_source = '县'": "教育支出来自",
        "update marts.mart_county_funding set expenditure_change_yuan = -1": "没有减少的",
        "update marts.mart_county_funding set expenditure_yuan = null": "没有合计",
    },
    "marts.mart_similar_school": {
        "update marts.mart_similar_school set stage = 'senior'": "学段只有",
        "update marts.mart_similar_school set similar_school_id = school_id": "一所学校不与自己",
        "update marts.mart_similar_school set distance = 'nan'": "距离是非负有限数",
        "delete from marts.mart_similar_school where similar_rank = 3": "名次从 1 数起",
    },
    "marts.mart_similar_standing": {
        "update marts.mart_similar_standing set stage = 'senior'": "学段只有",
        "update marts.mart_similar_standing set standing = 12": "名次在 1 与",
        "update marts.mart_similar_standing set similar_count = 0": "有相似学校的数值",
        "update marts.mart_similar_standing set similar_count = 9": "没有名次或",
    },
    "marts.mart_source_cell": {
        "update marts.mart_source_cell set source_file = null": "每一格都指明文件",
        "update marts.mart_source_cell set column_name = null": "每一格都指明栏目",
        "update marts.mart_source_cell set cell = 'R7C8'": "单元格写作",
        "update marts.mart_source_cell set row_number = 8": "行号就是单元格的行号",
        "update marts.mart_source_cell set entity_id = null": "每一格都指明是谁的",
        "update marts.mart_source_cell set said = '13800138000'": "原文中没有手机号",
        "insert into marts.mart_source_cell from marts.mart_source_cell": "一格给一个栏目只出一行",
    },
    "marts.mart_source_roster": {
        "update marts.mart_source_roster set source_file = null": "每个名册都指明文件",
        "update marts.mart_source_roster set row_count = 0": "名册至少有一行",
        "insert into marts.mart_source_roster from marts.mart_source_roster": "一所学校一个学段在一个名册里只有一行",
    },
    "marts.mart_source_file": {
        "delete from marts.mart_source_file": "来源文件表至少有一行",
        "update marts.mart_source_file set status = 'lost'": "文件状态",
        "update marts.mart_source_file set status = 'quarantined'": "整个被隔离或略过的文件",
        "update marts.mart_source_file set sha256 = null": "每个读过的文件都有校验值",
    },
    "marts.mart_quarantine": {
        "update marts.mart_quarantine set reason = ' '": "每一条隔离记录都说明原因",
        "update marts.mart_quarantine set source_file = null": "每一条隔离记录都指明文件",
        "update marts.mart_quarantine set row_number = 0": "行号",
        "update marts.mart_quarantine set reason = '重复：371502198801011234'": "原因中没有",
    },
    "marts.mart_release": {"insert into marts.mart_release values ('20260101T000000Z-00000000')": "仓库里没有行"},
    "marts.mart_release_change": {
        "insert into marts.mart_release_change values ('fct_school_indicator')": "仓库里没有行"
    },
    "marts.mart_blocked_partition": {
        "update marts.mart_blocked_partition set school_year = null": "没有更新的都指明学年",
        "update marts.mart_blocked_partition set reason = null": "没有更新的地区学年都说明原因",
        "update marts.mart_blocked_partition set reason = '重复：371502198801011234'": "原因中没有",
    },
    "marts.mart_data_check": {
        "update marts.mart_data_check set severity = '可疑'": "严重程度",
        "update marts.mart_data_check set message = null where school_id = 's1'": "每一项不符",
        "update marts.mart_data_check set is_explained = true": "已说明的都有说明",
        "update marts.mart_data_check set evidence = '问13812345678'": "说明和依据中没有",
    },
    "marts.dim_county": {
        "delete from marts.dim_county": "县表至少有一行",
        "update marts.dim_county set county_code = ' '": "县代码没有空白",
        "update marts.dim_county set county_name_zh = ''": "登记的县名没有空白",
        "insert into marts.dim_county select 'x', * exclude region_id from marts.dim_county": "一个县只属于",
    },
    "marts.dim_school": {
        "delete from marts.dim_school where school_id = 's1'": "学校数与报送的一致",
        "update marts.dim_school set status = '在办'": "学校状态",
        "update marts.dim_school set urban_rural_class = '城区'": "城乡分类",
    },
    "marts.dim_clause": {
        "update marts.dim_clause set kind = '指标'": "条款的种类只有",
        "update marts.dim_clause set clause_zh = null": "每条都有原文",
        "delete from marts.dim_clause where kind = 'target'": "每种数都有判定的条款",
    },
    "marts.dim_figure_source": {
        "update marts.dim_figure_source set role = '用'": "栏目的用法只有",
        "update marts.dim_figure_source set name_zh = null": "每行写明用到的数",
        "delete from marts.dim_figure_source where extract = 'facts'": "学校表、教师表、事实表的栏目都在",
    },
    "marts.dim_term": {
        "delete from marts.dim_term": "名词解释不是空的",
        "update marts.dim_term set term_zh = '限值'": "一个名词只解释一次",
        "update marts.dim_term set meaning_zh = null": "每个名词写明意思",
    },
    "marts.dim_label": {
        "delete from marts.dim_label where kind = 'stage'": "页面、申报表和看板用到的各类代码",
        "update marts.dim_label set label_zh = null": "每个代码都有词",
        "update marts.dim_label set tone = '好'": "样子只有",
    },
    "marts.dim_indicator": {
        "delete from marts.dim_indicator where indicator_id = 'sports_area_per_pupil'": "国家七项指标齐备",
        "update marts.dim_indicator set indicator_id = 'R1'": "国家指标是公布的七项",
        "update marts.dim_indicator set unit_zh = null": "每项指标都有单位",
        "update marts.dim_indicator set numerator = null": "每项指标都指明分子",
    },
    "marts.dim_target": {
        "insert into marts.dim_target from marts.dim_target": "目标编号不重复",
        "update marts.dim_target set quote = null": "每项目标都有原文",
        "update marts.dim_target set is_judged = false": "判定的目标有比较和阈值",
        "update marts.dim_target set due_years = '2025,2027'": "到期学年写作",
    },
    "marts.dim_fact": {
        "insert into marts.dim_fact from marts.dim_fact": "事实编号不重复",
        "update marts.dim_fact set entity_type = '学校'": "单位类型",
        "update marts.dim_fact set name_zh = null": "每项事实都有名称",
    },
    "marts.fct_measure": {
        "update marts.fct_measure set area_level = 'class'": "层级只有",
        "update marts.fct_measure set value = 'inf'": "测度值是有限的数",
        "update marts.fct_measure set missing = ' '": "缺数的单位都说明",
        "update marts.fct_measure set units_counted = 0, units_missing = 0": "每个测度都有受考察的单位",
        "update marts.fct_measure set is_applicable = false": "不适用的没有值",
    },
    "marts.mart_target_area": {
        "update marts.mart_target_area set area_level = 'class'": "层级只有",
        "update marts.mart_target_area set area_name = null": "受约束的单位都有名称",
        "update marts.mart_target_area set value = 1": "数据齐全时",
        "update marts.mart_target_area set is_met = true": "差额不为负",
    },
    "marts.mart_target_progress": {
        "delete from marts.mart_target_progress": "区域所列文件的目标",
        "update marts.mart_target_progress set status = '达到'": "状态只有十种",
        "update marts.mart_target_progress set school_year = 2025": "进度只在到期以前",
        "update marts.mart_target_progress set is_met_at_due = true": "到期时已达到的",
        "update marts.mart_target_progress set status = 'not_evaluable'": "无法判定的都说明",
        "update marts.mart_target_progress set pace_observed = null": "进度足够与否",
        "update marts.mart_target_progress set quote = null": "每项目标都有原文",
    },
}


@pytest.mark.parametrize("partitions", [GOOD, None])
@pytest.mark.parametrize("room", ["raw", "marts"])
def test_good_tables_pass(warehouse: Path, room: suites.Room, partitions):
    results = suites.validate(warehouse, room, partitions)
    assert [result.table for result in results] == sorted(table for table in BREAKS if table.startswith(f"{room}."))
    assert [failure for result in results for failure in result.failures] == []
    filled_later = {f"marts.{mart}" for mart in TOLD}  # of which there is no more to say than that they are empty
    assert all(result.success and result.evaluated >= (3, 1)[result.table in filled_later] for result in results)


@pytest.mark.parametrize(
    ("table", "broken", "sentence"),
    [(table, broken, sentence) for table, breaks in BREAKS.items() for broken, sentence in breaks.items()],
)
def test_broken_table_fails(table: str, broken: str, sentence: str, warehouse, monkeypatch, tmp_path):
    only(table, monkeypatch, tmp_path / "suites")
    with duckdb.connect(warehouse) as con:
        con.execute(broken)
    [result] = suites.validate(warehouse, "raw" if table.startswith("raw.") else "marts")
    assert not result.success
    assert [failure for failure in result.failures if failure.startswith(sentence)], result.failures
    assert not any("无法检查" in failure for failure in result.failures)


def test_every_expectation_is_seen_to_fail():
    """No expectation without a break, and each suite is as GX writes it."""
    import great_expectations as gx

    for path in suites.SUITES.glob("*/*.json"):
        suite = gx.ExpectationSuite(**json.loads(path.read_text("utf-8")))
        assert suite.name == f"{path.parent.name}.{path.stem}"
        assert suite.to_json_dict() == json.loads(path.read_text("utf-8"))
        for expectation in suite.expectations:  # without it GX tells the reader so, in English
            assert "{batch}" in getattr(expectation, "unexpected_rows_query", "{batch}")
        sentences = [str(expectation.description) for expectation in suite.expectations]
        assert len(set(sentences)) == len(sentences)
        for sentence in sentences:
            assert any(sentence.startswith(start) for start in BREAKS[suite.name].values()), f"{suite.name}: {sentence}"
