"""The demo's counties: what makes each a case, its towns, and what it reports besides schools, teachers and scores."""

# ruff: noqa: SIM905 — words in a string read better than a list of quoted ones

# A school's value / threshold is exp(mean + spread * N(0,1)), at least `floor` (1.04: all schools pass),
# times the county's level, which goes from y2021 to y2023 (and slower before); icc: between-school share of the scores' variance.
TRAITS = """
code   schools mean spread floor y2021 y2023 icc twist           in_2023
371502 14  0.22 0.16 1.04 0.97 1.00 0.08 -               met
371503 12  0.18 0.12 1.04 0.97 1.00 0.10 backbone        not_met:one_coefficient
371521 12  0.18 0.14 1.04 0.97 1.00 0.12 teaching_point  not_met:one_school
371522 14 -0.05 0.55 0.30 0.80 1.00 0.24 -               not_met:schools_and_coefficients
371524 10  0.16 0.12 1.04 0.80 1.00 0.09 -               met:not_before
371525 12  0.02 0.40 0.40 0.97 1.00 0.19 merger          not_met:schools_and_coefficients
371526 11  0.18 0.12 1.04 0.97 1.00 0.11 split           met:by_the_weighted_split_only
371581 12  0.14 0.12 1.04 1.00 0.84 0.14 -               not_met:but_in_2021
320684 14  0.30 0.15 1.04 0.97 1.00 0.06 -               met
370830 15  0.16 0.16 0.86 0.80 1.00 0.12 narrowing       not_met:a_few_schools_left
441802 14  0.18 0.14 1.04 0.97 1.00 0.13 crowded         not_met:grounds_of_the_schools_in_town
441803 10  0.00 0.35 0.40 0.97 1.00 0.18 -               not_met:many_schools
441821  9  0.20 0.14 1.04 0.97 1.00 0.10 -               met
441823 10 -0.08 0.45 0.30 0.97 1.00 0.22 -               not_met:many_schools
441825  8  0.24 0.18 1.04 0.80 1.00 0.12 -               met:not_before
441826  8 -0.02 0.40 0.30 0.80 1.00 0.20 -               not_met:schools_and_coefficients
441881 14 -0.06 0.50 0.30 0.97 1.00 0.25 -               not_met:schools_and_coefficients
441882 10  0.06 0.25 0.50 0.80 1.00 0.15 -               not_met:many_schools
210700 11  0.20 0.14 1.04 0.97 1.00 0.12 -               met
"""
TOWNS = {
    370830: "中都街道 汶上街道 南站街道 南旺镇 次邱镇 寅寺镇 郭楼镇 康驿镇".split(),
    320684: "常乐镇 悦来镇 四甲镇 余东镇 正余镇 海永镇".split(),
}
FACTS = [  # fact, value in a county whose schools pass, in another, range, decimals
    ("junior_retention_rate", 0.965, 0.94, 0.03, 3),
    ("disabled_children_enrolment_rate", 0.96, 0.93, 0.03, 3),
    ("key_high_school_quota_share", 0.52, 0.48, 0.15, 2),
    ("migrant_children_public_share", 0.87, 0.82, 0.1, 3),
    ("social_recognition_rate", 0.88, 0.83, 0.06, 3),
    ("difference_rate_maths", 0.12, 0.15, 0.02, 3),
]
SHARES = {  # a share is handed in as its parts: the part, the whole
    "key_high_school_quota_share": ("allotted_places", "key_high_school_places"),
    "migrant_children_public_share": ("migrant_children_in_public", "migrant_children"),
    "social_recognition_rate": ("satisfied_questionnaires", "valid_questionnaires"),
}
FIGURES = [  # of a county of its own: fact, of what, from, to, times a year, decimals
    ("population_wan", "pupils", 0.00085, 0.00125, 1, 2),
    ("agricultural_population_wan", "population_wan", 0.35, 0.6, 0.985, 2),
    ("townships", "towns", 1, 1, 1, 0),
    ("villages", "towns", 9, 18, 1, 0),
    ("gdp_per_capita_yuan", "one", 42000, 95000, 1.045, 0),
    ("fiscal_revenue_per_capita_yuan", "gdp_per_capita_yuan", 0.055, 0.085, 1, 0),
    ("rural_income_yuan", "gdp_per_capita_yuan", 0.29, 0.35, 1.02, 0),
    ("urban_income_yuan", "rural_income_yuan", 1.6, 2.1, 0.99, 0),
    ("teacher_average_pay", "average_pay", 1, 1, 1, 0),
    ("civil_service_average_pay", "one", 91000, 92500, 1.03, 0),
]
# Counted of what the county's other extracts hold (demo_facts.held), or of a fact above it: the share of 2021, 2022 and 2023.
COUNTED = {
    "primary_staff": "primary_teachers 1.12 1.11 1.1", "junior_staff": "junior_teachers 1.13 1.13 1.12",
    "public_primary_staff": "public_primary_teachers 1.09", "public_junior_staff": "public_junior_teachers 1.1",
    "nine_year_entrants": "grade_9 0.95", "nine_year_graduates": "nine_year_entrants 0.962 0.968 0.972",
    "poor_rural_pupils": "rural_pupils 0.09 0.087 0.085", "aided_poor_rural_pupils": "poor_rural_pupils 0.976 0.995 1",
    "central_kindergartens": "towns 1", "model_central_kindergartens": "towns 0.3 0.45 0.65",
    "teachers_and_pupils": "people 1", "learning_space_users": "teachers_and_pupils 0.73 0.908 0.9",
    "new_recruits": "teachers 0.05 0.06 0.055", "pe_arts_recruits": "new_recruits 0.175 0.2 0.233", "new_recruits_trained": "new_recruits 0.975 1 1",
    "devoted_teachers": "teachers 0.3 0.5 0.7",
    "public_primary_entrants": "near_grade_1 1", "nearby_primary_entrants": "near_grade_1 0.98 0.99 1",
    "public_junior_entrants": "near_grade_7 1", "nearby_junior_entrants": "near_grade_7 0.94 0.95 0.95",
    "fitness_tested": "pupils 0.98", "fitness_good": "fitness_tested 0.48 0.51 0.53", "fitness_passed": "fitness_tested 0.95 0.96 0.97",
    "health_records_due": "pupils 1", "health_records": "pupils 0.9 0.95 1",
    "vision_tested": "pupils 0.97", "myopic_pupils": "vision_tested 0.523 0.52 0.514",
    "education_budget_primary_yuan": "primary_spent 1.03 1.04 1", "education_budget_junior_yuan": "junior_spent 1.03 1.04 1.02",
    "education_budget_yuan": "spent 1.12 1.13 1.08",
    "key_high_school_places": "grade_9 0.55", "rural_allotted_places": "key_high_school_places 0.26 0.27 0.285",
    "migrant_children": "pupils 0.12", "valid_questionnaires": "one 1000",
    "included_disabled_pupils": "pupils 0.006 0.0063 0.0066", "included_disabled_public_funds_yuan": "included_disabled_pupils 8000",
    "rural_teachers_entitled": "rural_teachers 1", "rural_teachers_paid": "rural_teachers 1",
    "nutrition_eligible": "rural_pupils 1", "nutrition_covered": "rural_pupils 0.83 0.96 1",
    "public_school_teachers": "public_teachers 0.97", "county_managed_teachers": "public_school_teachers 0.625 0.875 1",
}  # fmt: skip
YEARS = {"wenshang": range(2019, 2024)}  # the others from 2021: five years are what a trend needs for an interval
BIRTHS = {"wenshang": ("births", "migrants"), "haimen": ("births",)}  # who hands in who will enter, by township
# What the documents of a region ask for besides: the values up to 2023, a year each, "-" for a fact that is not handed in.
# A share of the units has a boolean; a number or date is said as it stands. Facts not named here: 0.7 0.85 1 and 1.
# fmt: off
PLANS = {
    "has_family_education_station": "0.6 0.7 0.8", "meets_provincial_class_2": "0.5 0.6 0.8", "in_strong_school_action": "0.2 0.35 0.6",
    "is_paired": "0.3 0.5 0.6", "has_gigabit_network": "0.2 0.3 0.4", "has_recording_room": "0.5 0.7 1", "labour_sites": "1",
    "is_closed_management": "0.9 1 1", "new_heads": "2 1 3", "new_heads_trained": "1 1 3", "new_teacher_bound_terms": "1 2 2",
    "exam_selections_to_town": "1 0 0", "city_subject_bases": "0 1 1", "featured_high_schools": "0 0 1", "township_legal_entities": "2 2 3",
    "has_special_education_centre": "0.4 0.6 0.9", "strong_town_pilots": "18 26 35", "min_funding_per_city_pilot_wan_yuan": "40 50 50",
    "pilot_evaluations": "0 1 1", "preschool_universal": "0.1 0.3 0.5", "min_schools_per_city_researcher": "-",
    "rural_teacher_health_checks": "1 1 -",
    "has_drinking_water": "0.5 0.6 1", "is_law_based_model_school": "0.5 0.8 1", "has_class_1_equipment": "0.6 0.8 0.9", "is_smart_campus": "0.2 0.4 0.7",
    "public_funds_standard_yuan": "1000 1000 1050", "rebuilt_named_schools": "1 2 3", "buildings_to_reinforce": "24",
    "buildings_reinforced": "11 19 24",
    "min_rural_staff_training_hours": "90 150 180", "substitute_teachers": "40 22 9", "kindergartens_bought_back": "1 1 2",
    "rural_schools_supported": "5 9 8", "min_schools_per_official": "1 0 1", "min_subject_leaders": "-", "model_teachers": "1 1 2",
    "seed_teachers": "1 2 2",
    "is_new_or_expanded": "0 0.1 0.2", "interactive_classrooms": "5 9 14", "daily_sports_hours": "1", "psych_centres": "0 1 1",
    "psych_teachers": "0 1 1", "courses_required": "20", "courses_offered": "19 20 20", "city_school_projects_done": "0 1 3", "new_primary_schools": "0 0 1",
    "new_junior_schools": "0", "new_nine_year_schools": "0", "sync_pilots_planned": "12", "sync_pilots_done": "3 6 9", "master_heads": "2 4 7",
    "teaching_backbones": "30 70 100", "classroom_teaching_rank": "- 5 4", "new_tutoring_licences": "2 0 0", "plan_date": "- 2022-09-28 2022-09-28",
    "county_psych_centres": "0 1 1", "has_ipv6": "0.3 0.6 -",
    "education_communities": "2 3 4", "provincial_first_communities": "1 2 5", "featured_quality_high_schools": "0 1 2", "inclusive_model_units": "0",
    "layout_plan_date": "2019-08-20", "residential_school_projects": "4 5 6", "synchronous_school_projects": "4 4 6",
    "meets_standardised_school": "1", "has_canteen_meals": "0.5 0.7 0.9", "homework_grades_1_2": "0", "has_after_school_service": "0.7 0.9 -",
    "special_inspections": "1 1 0", "is_built_by_2016": "-", "is_small_class_rural": "-", "is_built_by_2010_or_mostly_migrant": "-",
    "primary_visiting_pe_arts_teachers": "-", "junior_visiting_pe_arts_teachers": "-", "borrowed_sports_area_m2": "-",
    "implementation_date": "-", "evaluation_date": "-", "basic_balance_recognised_year": "2015", "quality_balance_recognised_year": "-", "migrant_children_in_bought_places": "0",
    "questionnaires": "1040", "parent_questionnaires": "620", "parent_valid_questionnaires": "600",
    "visited_people": "60", "satisfied_visited_people": "53 54 56", "parent_visited_people": "40", "parent_satisfied_visited_people": "35 36 37",
    "rural_kindergartens": "40", "integrated_kindergartens": "22 30 36", "course_chapters": "1200",
    "course_chapters_covered": "300 620 840", "has_rural_school_evaluation": "0.2 0.5 0.6", "preschool_aid_eligible": "260 255 250",
    "preschool_aid_received": "255 252 250", "has_maker_space": "0.1 0.3 0.4",
    "has_digital_laboratory": "0.2 0.4 0.5", "has_3d_printing": "0 0.1 0.2", "has_visiting_teachers": "1",
    "private_education_regulated": "0 1 1", "safety_platform_connected": "0 0 1", "guards_required": "2", "guards": "1 2 2",
    "paid_tutoring_cases": "3 1 0", "key_class_cases": "1 0 0", "three_classroom_pilots": "8", "three_classroom_pilots_running": "2 5 8",
    "safe_campus_rules_issued": "0 1 1", "staff_allocation_plan_issued": "0 1 1", "performance_rules_issued": "0 0 1",
    "degree_upgrade_plan_issued": "0", "labour_lists_issued": "0 1 1", "teaching_rules_revised": "0 0 1",
    "head_management_plan_issued": "0", "supervision_rules_issued": "0 0 -", "has_teacher_award_fund": "0 0 1",
    "has_rural_school_fund": "1", "has_food_safety_manager": "1",
    # nine subjects in cycles of three years, known a year later: before 2021 six, in 2021 mental health, in 2022 English too
    "monitored_year_chinese": "2016 2019 2019 2019 2022", "achievement_level_chinese": "Ⅲ", "difference_rate_chinese": "0.163 0.16 0.16 0.16 0.149",
    "monitored_year_maths": "2018 2021 2021", "achievement_level_maths": "Ⅱ Ⅲ Ⅲ",
    "monitored_year_english": "0 0 2022", "achievement_level_english": "- - Ⅲ", "difference_rate_english": "- - 0.131",
    "monitored_year_science": "2017 2017 2020 2020 2020", "achievement_level_science": "Ⅲ", "difference_rate_science": "0.124 0.124 0.118 0.118 0.118",
    "monitored_year_pe": "2018 2021 2021", "achievement_level_pe": "Ⅲ", "difference_rate_pe": "0.097 0.094 0.094",
    "monitored_year_arts": "2016 2019 2019 2019 2022", "achievement_level_arts": "Ⅲ", "difference_rate_arts": "0.139 0.133 0.133 0.133 0.127",
    "monitored_year_moral": "2017 2017 2020 2020 2020", "achievement_level_moral": "Ⅲ", "difference_rate_moral": "0.085 0.085 0.082 0.082 0.082",
    "monitored_year_labour": "0", "achievement_level_labour": "-", "difference_rate_labour": "-",
    "monitored_year_mental_health": "0 2021 2021", "achievement_level_mental_health": "- Ⅲ Ⅲ", "difference_rate_mental_health": "- 0.088 0.088",
    "vocational_attached_classes": "0", "labour_practice_hours": "320 400 520", "practice_activity_hours": "1000", "is_dense_city_centre": "-",
    "rotation_eligible_teachers_total": "-", "rotated_teachers_total": "-", "rotated_backbone_teachers_total": "-",
    "special_school_pupils_total": "-", "special_school_funds_yuan": "-",
    "public_satisfaction_rate": "0.86 0.88 0.9", "government_work_score": "86 88 91",
}
# fmt: on
ROTATING = 371502  # where heads who have served two terms change schools
# A county hands these in once for all its schools.
OF_ALL_SCHOOLS = {"public_funds_standard_yuan", "courses_required", "courses_offered"}
